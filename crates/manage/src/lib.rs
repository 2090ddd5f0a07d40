//! What operators do: consumers, credentials, wallet grants.
