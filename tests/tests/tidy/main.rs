//! What `ARCHITECTURE.md`, `CONTRIBUTING.md` and `README.md` say of the sources, checked by reading
//! them. A check that fails names each line, and what to do.

mod borders;
mod circles;
mod code;
mod growth;
mod journeys;
mod manners;
mod map;
mod papers;
mod rooms;
mod source;
