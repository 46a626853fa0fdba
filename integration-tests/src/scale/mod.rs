//! Many instances in one group, and what it costs that they come and go.
//!
//! A [`fleet::Fleet`] is the instances with a load that goes on. What happens to it is an [`event::Event`]; when the group
//! has settled again, the event has an end. Each envelope tells who made it, and the broker stamps it with the time of its
//! append: so [`cost`] reads from the output alone how long each partition stood still, which have moved and what came twice.
//! [`group`] is how the broker sees the group.

pub mod cost;
pub mod event;
pub mod fleet;
pub mod group;
