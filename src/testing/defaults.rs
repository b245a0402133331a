//! The audience and the client of tokens for which the test names none.

/// The audience of minted tokens when the test names none.
pub const AUDIENCE: &str = "https://api.example.com";

/// The client of minted tokens when the test names none, in the form of Kinde's client ids.
pub const CLIENT_ID: &str = "d4d3c5b74e064badb9625a4aa6241bcc";
