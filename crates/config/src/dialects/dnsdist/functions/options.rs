//! Tables of options that several functions share.

use mlua::Table;
use weir_policy::{AnswerOptions, Uuid};
use weir_wire::QType;

use crate::dialects::dnsdist::call::Call;
use crate::dialects::dnsdist::failure::Failure;
use crate::dialects::dnsdist::reference::{Part, parts_of};
use crate::dialects::dnsdist::tables::{Key, key, read_keys};
use crate::dialects::dnsdist::values::{Read, Wrong};

/// What ends the arguments of actions that answer.
#[derive(Default)]
pub(super) struct AnswerDraft {
    pub(super) options: AnswerOptions,
    /// For `SpoofRawAction` alone.
    pub(super) type_for_any: Option<QType>,
    /// For `NegativeAndSOAAction` alone.
    pub(super) soa_in_authority: bool,
}

const ANSWER_KEYS: &[Key<AnswerDraft>] = &[
    key!("aa", "false", "AA in the answer", bool, |draft, aa| draft
        .options
        .aa =
        Some(aa)),
    key!("ad", "false", "AD in the answer", bool, |draft, ad| draft
        .options
        .ad =
        Some(ad)),
    key!("ra", "RD of the query", "RA in the answer", bool, |draft, ra| {
        draft.options.ra = Some(ra)
    }),
    key!(
        "ttl",
        "60",
        "seconds that records may be cached",
        u32,
        |draft, ttl| draft.options.ttl = ttl
    ),
];

const RAW_KEYS: &[Key<AnswerDraft>] = &[key!(
    "typeForAny",
    "ANY",
    "the type of the records that answer ANY",
    QType,
    |draft, qtype| {
        draft.type_for_any = Some(qtype);
    }
)];

const SOA_KEYS: &[Key<AnswerDraft>] = &[key!(
    "soaInAuthoritySection",
    "false",
    "SOA in the authority section instead of the additional one",
    bool,
    |draft, authority| draft.soa_in_authority = authority
)];

/// What ends the arguments of `addAction` and its like.
#[derive(Default)]
pub(super) struct RuleDraft {
    pub(super) name: String,
    pub(super) uuid: Option<Uuid>,
}

const RULE_KEYS: &[Key<RuleDraft>] = &[
    key!(
        "name",
        "\"\"",
        "what people call the rule",
        String,
        |draft, name| draft.name = name
    ),
    key!(
        "uuid",
        "from the rule",
        "the rule's identity while it is moved",
        UuidText,
        |draft, UuidText(uuid)| {
            draft.uuid = uuid;
        }
    ),
];

pub(super) fn keys() -> Vec<Part> {
    [
        parts_of("SpoofAction", ANSWER_KEYS),
        parts_of("SpoofRawAction", RAW_KEYS),
        parts_of("NegativeAndSOAAction", SOA_KEYS),
        parts_of("addAction", RULE_KEYS),
    ]
    .concat()
}

pub(super) fn read_answer(call: &mut Call<'_>) -> Result<AnswerDraft, Failure> {
    let mut draft = AnswerDraft::default();
    if let Some(table) = call.optional::<Table>("options")? {
        read_keys(call, &table, &[ANSWER_KEYS, RAW_KEYS, SOA_KEYS], &mut draft)?;
    }
    Ok(draft)
}

pub(super) fn read_rule(call: &mut Call<'_>) -> Result<RuleDraft, Failure> {
    let mut draft = RuleDraft::default();
    if let Some(table) = call.optional::<Table>("options")? {
        read_keys(call, &table, &[RULE_KEYS], &mut draft)?;
    }
    Ok(draft)
}

/// A UUID; an empty string is none.
struct UuidText(Option<Uuid>);

impl Read for UuidText {
    const EXPECTED: &'static str = "a UUID, such as 9b6bf51e-26f5-40c4-898a-4a5a2c5555ba";

    fn read(value: &mlua::Value) -> Result<Self, Wrong> {
        match String::read(value)?.as_str() {
            "" => Ok(Self(None)),
            text => text.parse().map(|uuid| Self(Some(uuid))).map_err(|_| Wrong::Kind),
        }
    }
}
