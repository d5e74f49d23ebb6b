public import Base
import Glibc

/// The clocks of this machine.
public enum SystemClock {
    /// CLOCK_MONOTONIC: never set, does not count the time the machine was suspended. Shared by all processes, so instants
    /// survive a re-exec.
    public static func now() -> Instant {
        Instant(nanoseconds: self.read(CLOCK_MONOTONIC))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z. May jump.
    public static func wallNanoseconds() -> Int64 { self.read(CLOCK_REALTIME) }

    /// Seconds since 1970-01-01T00:00:00Z. May jump.
    public static func wallSeconds() -> Int64 { self.read(CLOCK_REALTIME) / 1_000_000_000 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0, "clock_gettime")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
