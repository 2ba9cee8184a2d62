//! What of hidden bays can be computed from all answers together: nothing of fewer than five.

mod exports;
mod figures;
mod live;
mod streets;
mod world;
