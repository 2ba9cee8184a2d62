//! Writes the sample county's input files: `files DIR [SEED]`; or those of the load: `files DIR load BAYS`.

use sensor_sim::{County, load};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let today = County::sample(1).today();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [dir] => County::sample(1).write_files(dir.as_ref(), today)?,
        [dir, word, bays] if word == "load" => load::write_files(dir.as_ref(), bays.parse()?)?,
        [dir, seed] => County::sample(seed.parse()?).write_files(dir.as_ref(), today)?,
        _ => return Err("usage: files DIR [SEED] | files DIR load BAYS".into()),
    }
    Ok(())
}
