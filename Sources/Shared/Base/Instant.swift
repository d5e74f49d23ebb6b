/// A length of time in whole nanoseconds. Used instead of `Swift.Duration` because the hot path compares and adds many of them
/// and 64-bit arithmetic is enough for 292 years.
@frozen
public struct Interval: Hashable, Comparable, Sendable {
    /// May be negative: a deadline that has passed is a negative interval away.
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    @inlinable public static func nanoseconds(_ count: Int64) -> Self { Self(nanoseconds: count) }
    @inlinable public static func microseconds(_ count: Int64) -> Self { Self(nanoseconds: count * 1_000) }
    @inlinable public static func milliseconds(_ count: Int64) -> Self { Self(nanoseconds: count * 1_000_000) }
    @inlinable public static func seconds(_ count: Int64) -> Self { Self(nanoseconds: count * 1_000_000_000) }
    @inlinable public static func minutes(_ count: Int64) -> Self { .seconds(count * 60) }
    @inlinable public static func hours(_ count: Int64) -> Self { .minutes(count * 60) }

    @inlinable public static var zero: Self { Self(nanoseconds: 0) }
    @inlinable public static func < (lhs: Self, rhs: Self) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
    @inlinable public static func + (lhs: Self, rhs: Self) -> Self { Self(nanoseconds: lhs.nanoseconds + rhs.nanoseconds) }
    @inlinable public static func - (lhs: Self, rhs: Self) -> Self { Self(nanoseconds: lhs.nanoseconds - rhs.nanoseconds) }
    @inlinable public static func * (lhs: Self, rhs: Int64) -> Self { Self(nanoseconds: lhs.nanoseconds * rhs) }
    @inlinable public static func / (lhs: Self, rhs: Int64) -> Self { Self(nanoseconds: lhs.nanoseconds / rhs) }

    /// Rounded up, so that a timer armed with it never fires before its deadline.
    @inlinable public var wholeMilliseconds: Int64 { self.wholeUnits(of: 1_000_000) }
    /// Rounded up: the value of a `Retry-After` field.
    @inlinable public var wholeSeconds: Int64 { self.wholeUnits(of: 1_000_000_000) }

    /// Never overflows, also not for the time until `Instant.distantFuture`.
    @inlinable func wholeUnits(of unit: Int64) -> Int64 {
        self.nanoseconds / unit + (self.nanoseconds % unit > 0 ? 1 : 0)
    }
}

/// A point on the monotonic clock, in nanoseconds since an origin that only the clock's owner knows.
/// The machines receive it as an argument and never read a clock.
@frozen
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Later than every instant a clock will ever show: "no deadline".
    @inlinable public static var distantFuture: Self { Self(nanoseconds: .max) }

    @inlinable public static func < (lhs: Self, rhs: Self) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
    @inlinable public static func + (lhs: Self, rhs: Interval) -> Self {
        let (sum, overflow) = lhs.nanoseconds.addingReportingOverflow(rhs.nanoseconds)
        guard !overflow else { return Self(nanoseconds: rhs.nanoseconds < 0 ? .min : .max) }
        return Self(nanoseconds: sum)
    }
    @inlinable public static func - (lhs: Self, rhs: Self) -> Interval {
        let (difference, overflow) = lhs.nanoseconds.subtractingReportingOverflow(rhs.nanoseconds)
        guard !overflow else { return Interval(nanoseconds: lhs < rhs ? .min : .max) }
        return Interval(nanoseconds: difference)
    }
}
