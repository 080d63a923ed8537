//! Functions of dnsdist that Weir does not have yet, so that a file that needs one says so when it is read.

use mlua::Value;

use crate::dialects::dnsdist::tables::Function;

/// Rows of functions with one purpose in common.
macro_rules! not_yet {
    ($($doc:literal: $($name:ident)*;)*) => {
        &[
            Function::new("inClientStartup", "()", "whether a console's client reads the file; never", |call| {
                call.give(Value::Boolean(false))
            }),
            $($(Function::not_yet(stringify!($name), $doc),)*)*
        ]
    };
}

pub(super) const ROWS: &[Function] = not_yet! {
    "acts on a query in Lua": LuaAction LuaFFIAction LuaFFIPerThreadAction;
    "acts on a reply in Lua": LuaResponseAction LuaFFIResponseAction LuaFFIPerThreadResponseAction;
    "matches in Lua": LuaRule LuaFFIRule LuaFFIPerThreadRule;
    "runs Lua beside the packets": newThread addMaintenanceCallback addExitCallback addServerStateChangeCallback
        getResolvers newNetworkEndpoint newNetworkListener getAddressInfo;
    "picks servers in Lua": newServerPolicy setServerPolicyLua setServerPolicyLuaFFI setServerPolicyLuaFFIPerThread
        setPoolServerPolicyLua setPoolServerPolicyLuaFFI setPoolServerPolicyLuaFFIPerThread;
    "picks servers by weight within the lowest order": orderedWrandUntag;
    "blocks clients by what they did": dynBlockRulesGroup addDynBlocks addDynamicBlock addDynBlockSMT clearDynBlocks
        setDynBlocksAction showDynBlocks exceedNXDOMAINs exceedQRate exceedQTypeRate exceedRespByterate exceedServFails
        getDynamicBlocks getDynamicBlocksSMT;
    "drops packets in the kernel": newBPFFilter newDynBPFFilter registerDynBPFFilter unregisterDynBPFFilter
        setDefaultBPFFilter addBPFFilterDynBlocks newXsk;
    "listens for encrypted queries": addTLSLocal addDOHLocal addDOQLocal addDOH3Local addDNSCryptBind
        generateDNSCryptCertificate generateDNSCryptProviderKeys printDNSCryptProviderFingerprint getDNSCryptBind
        getDNSCryptBindCount showDNSCryptBinds getDOHFrontend getDOHFrontendCount getDOQFrontend getDOQFrontendCount
        getDOH3Frontend getDOH3FrontendCount getTLSContext getTLSFrontend getTLSFrontendCount showDOHFrontends
        showDOQFrontends showDOH3Frontends showDOHResponseCodes showTLSContexts showTLSFrontends showTLSErrorCounters
        reloadAllCertificates loadTLSEngine loadTLSProvider newTLSCertificate setMaxCachedDoHConnectionsPerDownstream
        getOutgoingTLSSessionCacheSize;
    "matches what encrypted queries carry": SNIRule HTTPHeaderRule HTTPPathRule HTTPPathRegexRule IncomingProtocolRule;
    "answers over HTTPS": HTTPStatusAction;
    "forwards the client's subnet": SetECSAction SetECSOverrideAction SetECSPrefixLengthAction SetDisableECSAction;
    "believes or writes PROXY headers": setProxyProtocolACL setProxyProtocolApplyACLToProxiedClients
        setProxyProtocolMaximumPayloadSize ProxyProtocolValueRule SetProxyProtocolValuesAction
        SetAdditionalProxyProtocolValueAction;
    "looks names up in a database": newCDBKVStore newLMDBKVStore newMMDBKVStore KeyValueLookupKeyQName
        KeyValueLookupKeySourceIP KeyValueLookupKeySuffix KeyValueLookupKeyTag KeyValueStoreLookupAction
        KeyValueStoreLookupRule KeyValueStoreRangeLookupAction KeyValueStoreRangeLookupRule;
    "sends queries and replies elsewhere for analysis": RemoteLogAction RemoteLogResponseAction DnstapLogAction
        DnstapLogResponseAction newRemoteLogger newFrameStreamTcpLogger newFrameStreamUnixLogger TeeAction
        setOpenTelemetryTracing SetTraceAction makeIPCipherKey generateOTTraceID;
    "sends numbers elsewhere": carbonServer snmpAgent sendCustomTrap SNMPTrapAction SNMPTrapResponseAction;
    "counts for users": declareMetric incMetric decMetric setMetric getMetric;
    "counts queries by name": setQueryCount setQueryCountFilter clearQueryCounters getQueryCounters;
    "matches by more of the message": DSTPortRule ERCodeRule RE2Rule RecordsCountRule RecordsTypeCountRule
        TrailingDataRule PoolOutstandingRule TimedIPSetRule newTimedIPSetRule ByNameSelector;
    "acts on queries in further ways": ContinueAction SetDisableValidationAction SetEDNSOptionAction
        SetExtendedDNSErrorAction SetMacAddrAction SpoofPacketAction SpoofSVCAction UnsetTagAction
        newSVCRecordParameters;
    "acts on replies in further ways": ClearRecordTypesResponseAction SetEDNSOptionResponseAction
        SetExtendedDNSErrorResponseAction TCResponseAction UnsetTagResponseAction;
    "has rules for moments that Weir does not have": addTimeoutResponseAction addXFRResponseAction
        clearTimeoutResponseRules clearXFRResponseRules mvTimeoutResponseRule mvTimeoutResponseRuleToTop
        mvXFRResponseRule mvXFRResponseRuleToTop rmTimeoutResponseRule rmXFRResponseRule showTimeoutResponseRules
        showXFRResponseRules topTimeoutResponseRules topXFRResponseRules;
    "gives rules to Lua": getTopRules getTopResponseRules getTopCacheHitResponseRules getTopSelfAnsweredResponseRules
        getTopCacheInsertedResponseRules getTopCacheMissRules getCacheHitResponseRule getResponseRule getRule
        getSelfAnsweredResponseRule getCacheInsertedResponseRule getCacheMissRule getCacheMissAction benchRule;
    "shows recent queries": grepq getRespRing getResponseRing getRingEntries getRingBuffersSamplingRate
        statNodeRespRing topBandwidth topClients topQueries topResponses topSlow topTimeouts showResponseLatency;
    "reads messages in Lua": newDNSPacketOverlay parseAAAARecord parseARecord parseAddressRecord parseCNAMERecord;
    "reads configurations of another form": getObjectFromYAMLConfiguration loadConfigurationFromYAMLFile;
    "gives a listening address to Lua": getBind getBindCount;
    "answers web requests in Lua": registerWebHandler;
    "limits a rate in Lua": newQPSLimiter;
    "is for tests and other things": testCrypto getCurrentTime clearConsoleHistory requestTCPStatesDump
        requestDoHStatesDump showSecurityStatus show setRingBuffersSamplingRate enableLuaConfiguration
        getVerbose showSelfAnsweredResponseCounts;
    "was removed from dnsdist": addAnyTCRule addDelay addDisableValidationRule addDomainBlock addDomainCNAMESpoof
        addDomainSpoof addLuaAction addLuaResponseAction addNoRecurseRule addPoolRule addQPSLimit addQPSPoolRule
        setECSOverrideForPool topRule;
};
