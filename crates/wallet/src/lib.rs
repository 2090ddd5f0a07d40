//! Who signed this text: EIP-191 personal messages and EIP-55 addresses.
