//! Who this process is to the cluster.

use crate::settings::PipelineSettings;

/// Unique to this instance, and the same for as long as it lives. A static member has the same one after a restart,
/// which aborts what its predecessor left open.
pub(crate) fn transactional_id(settings: &PipelineSettings) -> String {
    let instance = settings.source.properties.get("group.instance.id").cloned().unwrap_or_else(random);
    format!("stampmill-{}-{}-{instance}", settings.source.group, settings.name)
}

fn random() -> String {
    (crate::AMBIENT.random)().iter().map(|byte| format!("{byte:02x}")).collect()
}
