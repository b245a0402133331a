//! What can be shown of the kit by itself, over real sockets.

mod assertions;
mod endpoints;
mod faults;
mod forgeries;
mod support;
