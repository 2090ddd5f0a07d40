//! The interface of dialects, declared so that the rooms above compile; the language replaces it.
#![allow(missing_docs, clippy::all)]
use std::{borrow::Cow, sync::Arc};
use countersign_model::*;
#[derive(Clone, Copy)]
pub struct Request<'a> { pub method: &'a str, pub scheme: &'a str, pub host: &'a str, pub target: &'a str, pub headers: &'a http::HeaderMap, pub body: Option<&'a [u8]> }
#[derive(Default)] pub struct Dialects;
pub struct Recipe;
pub enum BodyUse { Unused, Signed, Read }
#[derive(Debug,Clone,Copy,PartialEq,Eq)] pub enum Part { KeyId, Timestamp, Nonce, Expires, Signature, Body }
impl std::fmt::Display for Part { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("part") } }
#[derive(Debug,Clone,PartialEq,Eq)] pub struct Malformed { pub part: Part }
#[derive(Debug,Clone,PartialEq,Eq)] pub struct Untimely;
#[derive(Debug,Clone,PartialEq,Eq)] pub struct Mismatch;
macro_rules! d { ($($t:ty),*) => {$(impl std::fmt::Display for $t { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("x") } })*} }
d!(Malformed, Untimely, Mismatch);
pub struct Fresh { _p: () }
pub struct SignatureValid { _p: () }
pub struct PreparedKey;
pub enum Refusal { KeyId, Timestamp, Signature, Malformed, Replay }
pub enum Reading<'r> { NotPresented, OnlyKeyId(Cow<'r, str>), Incomplete { key_id: Option<Cow<'r, str>>, missing: Part }, Presented(Claim<'r>), Malformed { key_id: Option<Cow<'r, str>>, why: Malformed } }
pub struct Claim<'r>(Cow<'r, str>);
impl Claim<'_> { pub fn key_id(&self) -> &str { &self.0 } }
impl Dialects { pub fn get(&self, _: &DialectName) -> Option<&Arc<Recipe>> { None } }
impl Recipe {
 pub fn name(&self) -> &DialectName { todo!() }
 pub fn body_use(&self) -> BodyUse { todo!() }
 pub fn key_alone(&self) -> bool { todo!() }
 pub fn covers_query(&self) -> bool { todo!() }
 pub fn read<'r>(&self, _: &Request<'r>) -> Reading<'r> { todo!() }
 pub fn fresh(&self, _: &Claim<'_>, _: UnixTime) -> Result<Fresh, Untimely> { todo!() }
 pub fn prepare(&self, _: &[u8]) -> PreparedKey { todo!() }
 pub fn verify(&self, _: &Claim<'_>, _: &Request<'_>, _: &PreparedKey) -> Result<SignatureValid, Mismatch> { todo!() }
 pub fn status(&self, _: Refusal) -> u16 { todo!() }
 pub fn credential_headers(&self) -> &[http::HeaderName] { todo!() }
}
