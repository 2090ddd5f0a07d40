-- How many requests may pass: rates with commas between them (model::Rates), beside those that routes set.
ALTER TABLE consumers ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN limits TEXT NOT NULL DEFAULT '';
