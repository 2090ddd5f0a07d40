//! Header lines as they are sent, and the heads of answers that are made of them.
//!
//! What a gateway answers is written once and looked up hardly ever: as entries of a map, each header would be hashed, get memory of its
//! own, and be written into a line in the end. Here it is a line from the start.

mod answered;
mod head;
mod headers;
mod lines;
mod reason;

pub use answered::Answered;
pub use head::{AnswerHead, Connection, ReadLine};
pub use headers::AnswerHeaders;
pub use lines::{Lines, is_text};
pub use reason::Reason;
