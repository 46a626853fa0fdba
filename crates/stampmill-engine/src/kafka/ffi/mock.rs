//! The mock cluster's part.

use rdkafka::bindings as rd;

/// Shortens the pause that the mock cluster takes before a group's first assignment, which is three seconds.
pub(crate) fn set_mock_rebalance_delay<C: rdkafka::ClientContext>(client: &rdkafka::client::Client<C>, delay_ms: i32) {
    // SAFETY: the client is live, and so is the mock cluster that it owns, if it owns one.
    unsafe {
        let cluster = rd::rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            rd::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, delay_ms);
        }
    }
}
