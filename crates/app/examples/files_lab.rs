//! Takes files by URL and gives files back: needs the feature `files`, and a platform to store with.
//!
//! ```sh
//! cargo run --features files --example files_lab
//! curl localhost:8080/size -H 'content-type: application/json' -d '{"file": "data:,meow"}'
//! ```
//!
//! `/` turns a file around, byte by byte, in memory or with `"on_disk": true` over files; `/size` says how many bytes
//! it has, and what it is.

use fal_app::{
    files::{Download, DownloadError, Limit, PublishError},
    prelude::*,
};

#[derive(Debug, Deserialize, JsonSchema)]
struct Input {
    file: File,
    /// The most bytes that are taken.
    limit: Option<u64>,
    #[serde(default)]
    on_disk: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    file: File,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Size {
    bytes: u64,
    content_type: Option<String>,
}

#[derive(Debug, thiserror::Error, AppError)]
enum LabError {
    #[error(transparent)]
    #[status(transparent)]
    Input(#[from] DownloadError),
    #[error(transparent)]
    #[status(transparent)]
    Output(#[from] PublishError),
    #[error("the file cannot be turned around")]
    #[status(500)]
    Disk(#[from] std::io::Error),
}

#[fal_app(name = "files-lab", keep_alive = 60, max_multiplexing = 16)]
struct FilesLab;

#[fal_app]
impl FilesLab {
    #[setup]
    async fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn turn(&self, input: Input) -> Result<Output, LabError> {
        let download = begin(&input).await?;
        let kind = download.content_type().unwrap_or("application/octet-stream").to_owned();
        let name = format!("turned-{}", input.file.file_name().unwrap_or("file"));
        let file = if input.on_disk {
            let taken = download.temporary().await?;
            let turned = tokio::task::block_in_place(|| {
                let bytes = std::fs::read(&taken)?;
                std::fs::write(&taken, turned(bytes)).map(|()| taken)
            })?;
            File::publish(&turned, kind, name).await?
        } else {
            let bytes = download.bytes().await?;
            File::publish(turned(bytes.to_vec()), kind, name).await?
        };
        Ok(Output { file })
    }

    #[endpoint("/size")]
    async fn size(&self, input: Input) -> Result<Size, LabError> {
        let mut download = begin(&input).await?;
        let content_type = download.content_type().map(str::to_owned);
        let mut bytes = 0;
        while let Some(chunk) = download.chunk().await? {
            bytes += chunk.len() as u64;
        }
        Ok(Size { bytes, content_type })
    }
}

async fn begin(input: &Input) -> Result<Download, LabError> {
    let limit = input.limit.map(Limit::bytes).unwrap_or_default();
    Ok(input.file.download(limit).await?)
}

fn turned(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

fal_app::main!(FilesLab);
