use super::*;

#[test]
fn tmp_size() {
    let county = County::sample(1);
    let start = std::time::Instant::now();
    let bytes = county.streets().unwrap();
    eprintln!("streets {} bytes {:?}", bytes.len(), start.elapsed());
    let start = std::time::Instant::now();
    let gtfs = county.gtfs(county.today()).unwrap();
    eprintln!(
        "gtfs {} bytes {:?} {} trips {} vehicles",
        gtfs.len(),
        start.elapsed(),
        county.timetable.trips.len(),
        county.vehicles.len()
    );
    std::fs::write("/tmp/j3.osm.pbf", bytes).unwrap();
    std::fs::write("/tmp/j3.gtfs.zip", gtfs).unwrap();
}
