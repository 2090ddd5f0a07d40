//! The decision: may this request pass, and who sent it.
