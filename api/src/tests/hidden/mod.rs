//! What of hidden bays can be computed from all answers together: nothing of fewer than five.

mod figures;
mod live;
mod world;
