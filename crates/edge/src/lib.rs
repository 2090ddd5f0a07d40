//! What every door of Countersign shares: the request as we see it, the answer as they see it.
