import Base
import Testing

@Suite struct CivilDateTests {
    @Test(
        arguments: [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (11_016, 2000, 2, 29), (11_017, 2000, 3, 1), (47_541, 2100, 3, 1),
            (20_777, 2026, 11, 20), (2_932_896, 9999, 12, 31), (-719_162, 1, 1, 1),
        ] as [(Int64, Int64, Int64, Int64)])
    func `a day number and its date name each other`(days: Int64, year: Int64, month: Int64, day: Int64) throws {
        let date = CivilDate(daysSince1970: days)
        #expect(date == CivilDate(year: year, month: month, day: day))
        #expect(date.daysSince1970 == days)
    }

    @Test func `every day of four centuries follows the one before`() {
        var last = CivilDate(daysSince1970: -150_001)
        for days: Int64 in -150_000...1_000 {
            let date = CivilDate(daysSince1970: days)
            let isNext =
                date.day == last.day + 1 && date.month == last.month && date.year == last.year
                || date.day == 1 && last.day >= 28
                    && (date.month == last.month + 1 && date.year == last.year
                        || date.month == 1 && last.month == 12 && date.year == last.year + 1)
            #expect(isNext && date.daysSince1970 == days, "\(date) after \(last)")
            last = date
        }
    }

    @Test(
        arguments: [
            (2026, 2, 29), (1900, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2026, 1, 0), (0, 1, 1), (10_000, 1, 1),
            (.max, 1, 1), (2026, .min, 1), (2026, 1, .max),
        ] as [(Int64, Int64, Int64)])
    func `a date that does not exist is none`(year: Int64, month: Int64, day: Int64) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00"), (-1, "1969-12-31T23:59:59"), (1_795_168_800, "2026-11-20T10:00:00"),
            (.min, "0001-01-01T00:00:00"), (.max, "9999-12-31T23:59:59"),
        ] as [(Int64, String)])
    func `a second is written as RFC 3339 does`(seconds: Int64, text: String) {
        var output: [UInt8] = []
        CivilTime(secondsSince1970: seconds).append(to: &output)
        #expect(String(decoding: output, as: UTF8.self) == text)
    }
}
