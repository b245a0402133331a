//! The default audience and the default client of minted tokens.

/// The audience of minted tokens if the test names none.
pub const AUDIENCE: &str = "https://api.example.com";

/// The client of minted tokens if the test names none, in the form of Kinde's client IDs.
pub const CLIENT_ID: &str = "d4d3c5b74e064badb9625a4aa6241bcc";
