import CLinux
import Glibc

/// The variables this process was given, as bytes: they need not be UTF-8.
///
/// Not safe beside threads that change them; the supervisor changes them only before it starts its loop.
public enum ProcessEnvironment {
    /// The value of `name`, or nil. An empty value is not nil.
    public static func value(_ name: String) -> [UInt8]? {
        guard let start = unsafe name.withCString({ unsafe getenv($0) }) else { return nil }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
    }

    /// The value of `name` if it is valid UTF-8.
    public static func text(_ name: String) -> String? { self.value(name).flatMap { String(validating: $0, as: UTF8.self) } }

    /// All of them, each `NAME=value`.
    public static func all() -> [[UInt8]] {
        var all: [[UInt8]] = []
        guard var next = unsafe clinux_environ() else { return all }
        while let start = unsafe next.pointee {  // Bound: the NULL at the end.
            unsafe all.append(Array(UnsafeRawBufferPointer(start: start, count: strlen(start))))
            unsafe next += 1
        }
        return all
    }

    public static func remove(_ name: String) throws(SystemError) {
        try SystemCall.check(SystemCall.raw { unsafe name.withCString { unsafe unsetenv($0) } }, "unsetenv")
    }

    public static func set(_ name: String, _ value: String) throws(SystemError) {
        let result = SystemCall.raw {
            unsafe name.withCString { name in unsafe value.withCString { unsafe setenv(name, $0, 1) } }
        }
        try SystemCall.check(result, "setenv")
    }
}
