//! Keys and tokens that Countersign mints: API keys, sealed secrets, strict HS512 JWTs.
