-- A town's calendar says when its schools have holidays: opening hours ask (SH).
ALTER TABLE calendar_day DROP CONSTRAINT calendar_day_kind_check;
ALTER TABLE calendar_day ADD CONSTRAINT calendar_day_kind_check
    CHECK (kind IN ('holiday', 'market', 'event', 'school_holiday'));
