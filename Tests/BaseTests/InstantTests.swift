import Base
import Testing

@Suite struct IntervalTests {
    @Test func `units are multiples of each other`() {
        #expect(Interval.hours(1) == .minutes(60))
        #expect(Interval.minutes(1) == .seconds(60))
        #expect(Interval.seconds(1) == .milliseconds(1_000))
        #expect(Interval.milliseconds(1) == .microseconds(1_000))
        #expect(Interval.microseconds(1) == .nanoseconds(1_000))
        #expect(Interval.zero.nanoseconds == 0)
    }

    @Test func `intervals are added, scaled and compared`() {
        #expect(Interval.seconds(1) + .milliseconds(500) == .milliseconds(1_500))
        #expect(Interval.seconds(1) - .seconds(3) == .seconds(-2))
        #expect(Interval.seconds(2) * 3 == .seconds(6))
        #expect(Interval.seconds(7) / 2 == .milliseconds(3_500))
        #expect(Interval.seconds(1) < .seconds(2))
        #expect(Interval.seconds(-1) < .zero)
    }

    @Test(
        arguments: [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2), (-1, 0), (-1_000_000, -1), (-1_000_001, -1)]
            as [(Int64, Int64)])
    func `milliseconds are rounded up`(nanoseconds: Int64, expected: Int64) {
        #expect(Interval.nanoseconds(nanoseconds).wholeMilliseconds == expected)
    }

    @Test(
        arguments: [(0, 0), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2), (-1, 0), (-1_000_000_000, -1), (-1_500_000_000, -1)]
            as [(Int64, Int64)])
    func `seconds are rounded up`(nanoseconds: Int64, expected: Int64) {
        #expect(Interval.nanoseconds(nanoseconds).wholeSeconds == expected)
    }

    @Test func `the longest interval can be rounded`() {
        #expect(Interval(nanoseconds: .max).wholeMilliseconds == 9_223_372_036_855)
        #expect(Interval(nanoseconds: .max).wholeSeconds == 9_223_372_037)
        #expect(Interval(nanoseconds: .min).wholeSeconds == -9_223_372_036)
    }
}

@Suite struct InstantTests {
    @Test func `an instant moves by intervals`() {
        let start = Instant(nanoseconds: 1_000)
        #expect(start + .nanoseconds(5) == Instant(nanoseconds: 1_005))
        #expect(start + .nanoseconds(-5) == Instant(nanoseconds: 995))
        #expect(start + .seconds(1) - start == .seconds(1))
        #expect(start < start + .nanoseconds(1))
    }

    @Test func `no deadline stays no deadline`() {
        #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
        #expect(Instant(nanoseconds: .max - 1) + .hours(1) == .distantFuture)
        #expect(Instant(nanoseconds: 5) < .distantFuture)
        #expect(Instant(nanoseconds: .min) + .nanoseconds(-1) == Instant(nanoseconds: .min))
    }

    @Test func `the time until no deadline and since it can be asked for`() {
        #expect(Instant.distantFuture - Instant(nanoseconds: 0) == Interval(nanoseconds: .max))
        #expect(Instant.distantFuture - Instant(nanoseconds: -1) == Interval(nanoseconds: .max))
        #expect(Instant(nanoseconds: -2) - .distantFuture == Interval(nanoseconds: .min))
    }
}
