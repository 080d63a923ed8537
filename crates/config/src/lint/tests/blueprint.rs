//! The blueprint's own files: each of its contradictions is a finding.
