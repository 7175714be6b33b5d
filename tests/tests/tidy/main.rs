//! What `ARCHITECTURE.md`, `CONTRIBUTING.md`, `README.md` and the book say of the sources, checked by
//! reading them. A check that fails names each line, and what to do.

mod book;
mod borders;
mod circles;
mod code;
mod growth;
mod guide;
mod journeys;
mod manners;
mod map;
mod papers;
mod rooms;
mod source;
