import CLinux
import Glibc

/// The kernel's own bound on what this process may open (landlock(7)). It holds for the calling thread and whatever it starts
/// later, so it comes before the first thread. It can only be narrowed, never lifted.
public enum Landlock {
    /// What the kernel offers, from 1 on; nil without Landlock.
    public static var version: Int? {
        let version = clinux_landlock_version()
        return version >= 1 ? Int(version) : nil
    }

    /// From now on only what is at or below `reading` can be opened, for reading alone, and the files `writing` for both. Open
    /// descriptors stay usable. Also closes TCP and, from version 6 on, signals to other processes and their abstract sockets. A
    /// path that does not exist is left out.
    public static func allowOnly(reading: [String], writing: [String]) throws(SystemError) {
        let paths = writing + reading
        let strings = CStrings(paths.map { Array($0.utf8) })
        let result = unsafe strings.pointers.withMemoryRebound(to: UnsafePointer<CChar>?.self) { pointers in
            // Even without paths there is the terminating null pointer.
            guard let start = pointers.baseAddress else { return -EINVAL }
            return unsafe clinux_landlock_allow_only(start, Int32(paths.count), Int32(writing.count))
        }
        withExtendedLifetime(strings) {}
        try SystemCall.check(result, "landlock_restrict_self")
    }
}
