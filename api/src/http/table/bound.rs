//! Bound on the rows of a JSON answer, which its reader holds as a whole. The other formats are read as a stream.

use futures_util::{Stream, TryStreamExt};

use super::{Shape, TableFormat};
use crate::http::problem::Problem;

/// Rows of one answer in JSON, some 400 bytes each.
pub const MAX_JSON_ROWS: i64 = 500_000;

/// A [`Shape`] whose number of rows is known to be within bounds; only [`Shape::fit`] makes one.
#[derive(Debug)]
pub struct Fits(Shape);

impl Fits {
    /// The shape that was asked for.
    pub fn shape(&self) -> Shape {
        self.0
    }

    /// Unchecked, for tests.
    #[cfg(test)]
    pub fn any(shape: Shape) -> Self {
        Fits(shape)
    }
}

/// Which parameter makes an answer long, and what makes it shorter.
pub struct Length<'a> {
    pub field: &'static str,
    pub value: &'a str,
    pub remedy: &'static str,
}

/// Of answers about places.
pub const OF_PLACES: &str = "Take a longer bucket, a shorter period, fewer places, fewer days or hours, or group_by=site; or \
                             format=parquet or format=csv, which are written as they are read.";

/// Of answers about lines and stops.
pub const OF_LINES: &str = "Take a longer bucket, a shorter period, one line or stop, fewer days or hours, or group_by=route; or \
                            format=parquet or format=csv, which are written as they are read.";

impl Shape {
    /// Checks that an answer of at most `upper` rows fits. Where `upper` exceeds `most` rows of JSON, `exact` counts them;
    /// it may stop counting beyond `most`.
    ///
    /// # Errors
    /// 400: they are too many. And what `exact` fails with.
    pub async fn fit(
        self,
        most: i64,
        length: Length<'_>,
        upper: i64,
        exact: impl Future<Output = Result<i64, Problem>>,
    ) -> Result<Fits, Problem> {
        if self.format != TableFormat::Json || upper <= most || exact.await? <= most {
            return Ok(Fits(self));
        }
        let detail = format!("The answer would have more rows than {most}, which is the most in JSON.");
        Err(Problem::bad_parameter(length.field, length.value, detail).remedy(length.remedy))
    }
}

/// How many rows there are, counted until there are more than `most`.
///
/// # Errors
/// Whatever the rows fail with.
pub async fn counted<R>(rows: impl Stream<Item = Result<R, Problem>>, most: i64) -> Result<i64, Problem> {
    let mut rows = std::pin::pin!(rows);
    let mut counted = 0;
    while counted <= most && rows.try_next().await?.is_some() {
        counted += 1;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;
    use crate::http::params::RawQuery;

    fn shape(format: TableFormat) -> Shape {
        let query = RawQuery::new(&format!("format={}", format));
        Shape::of(&query.params(&[&["format"]]).ok().unwrap(), &Default::default()).ok().unwrap()
    }

    proptest! {
        /// Whatever the first guess: what fits is answered, what does not is refused, and only in JSON.
        #[test]
        fn an_answer_is_refused_when_it_has_too_many_rows(rows in 0i64..20, most in 0i64..20, slack in 0i64..20) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for format in TableFormat::ALL.iter().copied() {
                let length = Length { field: "bucket", value: "1h", remedy: OF_PLACES };
                let exact = counted(stream::iter((0..rows).map(Ok)), most);
                let fits = runtime.block_on(shape(format).fit(most, length, rows + slack, exact));
                prop_assert_eq!(fits.is_ok(), format != TableFormat::Json || rows <= most);
            }
        }
    }

    #[tokio::test]
    async fn nothing_is_counted_where_it_needs_not_be() {
        let length = || Length { field: "bucket", value: "1h", remedy: OF_PLACES };
        let never = || async { unreachable!("counted") };
        assert!(shape(TableFormat::Json).fit(5, length(), 5, never()).await.is_ok());
        assert!(shape(TableFormat::Parquet).fit(5, length(), 6, never()).await.is_ok());
        assert_eq!(
            counted(stream::iter((0..).map(Ok::<i32, Problem>)), 3).await.ok(),
            Some(4),
            "an endless one"
        );
    }
}
