//! The pipeline that a command is about.

use stampmill_engine::settings::PipelineSettings;

use crate::config::Settings;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoiceError {
    #[error("no pipeline `{name}`; those of the configuration are {known}")]
    NoPipeline { name: String, known: String },
    #[error("there are several pipelines; name one of them with `--pipeline`: {known}")]
    SeveralPipelines { known: String },
}

/// The one of that name; without a name the only one.
pub(crate) fn choose<'a>(settings: &'a Settings, name: Option<&str>) -> Result<&'a PipelineSettings, ChoiceError> {
    let known =
        || settings.pipelines.iter().map(|pipeline| format!("`{}`", pipeline.name)).collect::<Vec<_>>().join(", ");
    match (name, settings.pipelines.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(ChoiceError::SeveralPipelines { known: known() }),
        (Some(name), pipelines) => {
            let found = pipelines.iter().find(|pipeline| pipeline.name == name);
            found.ok_or_else(|| ChoiceError::NoPipeline { name: name.to_owned(), known: known() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Sources};

    const TWO: &str = "
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines:
  a: { source: { topics: [in], group: a }, sink: { topic: out } }
  b: { source: { topics: [in], group: b }, sink: { topic: out } }
";

    #[test]
    fn the_pipeline_is_named_where_there_are_several() {
        let file = std::env::temp_dir().join(format!("stampmill-choice-{}.yaml", std::process::id()));
        std::fs::write(&file, TWO).expect("a file can be written");
        let settings = config::load(Sources { files: vec![file.clone()], ..Sources::default() });
        std::fs::remove_file(&file).expect("the file can be removed");
        let settings = settings.unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(choose(&settings, Some("b")).map(|pipeline| pipeline.name.as_str()).ok(), Some("b"));
        let error = choose(&settings, None).map(|_| ()).expect_err("there are two").to_string();
        assert_eq!(error, "there are several pipelines; name one of them with `--pipeline`: `a`, `b`");
        let error = choose(&settings, Some("c")).map(|_| ()).expect_err("there is none").to_string();
        assert_eq!(error, "no pipeline `c`; those of the configuration are `a`, `b`");
    }
}
