import Glibc

/// How many descriptors this process may have.
public enum DescriptorLimit {
    /// The soft limit: the first number that cannot be opened.
    public static func current() throws(SystemError) -> Int { self.number(try self.read().rlim_cur) }

    /// The most that `raise` can reach.
    public static func most() throws(SystemError) -> Int { self.number(try self.read().rlim_max) }

    /// Raises the soft limit to the hard one, and returns it. Children get it too; a program that uses select(2) cannot go
    /// beyond 1024, but would have to be given such numbers first.
    @discardableResult
    public static func raise() throws(SystemError) -> Int {
        var limit = try self.read()
        limit.rlim_cur = limit.rlim_max
        try self.write(limit)
        return self.number(limit.rlim_cur)
    }

    /// Sets the soft limit, at most to the hard one.
    public static func set(_ count: Int) throws(SystemError) {
        var limit = try self.read()
        limit.rlim_cur = min(rlim_t(count), limit.rlim_max)
        try self.write(limit)
    }

    private static func read() throws(SystemError) -> rlimit {
        var limit = rlimit()
        try SystemCall.check(
            SystemCall.raw { unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }, "getrlimit")
        return limit
    }

    private static func write(_ limit: rlimit) throws(SystemError) {
        var limit = limit
        try SystemCall.check(
            SystemCall.raw { unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }, "setrlimit")
    }

    private static func number(_ value: rlim_t) -> Int { value > rlim_t(Int32.max) ? Int(Int32.max) : Int(value) }
}
