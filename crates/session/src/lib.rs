//! Wallet login and refresh.
