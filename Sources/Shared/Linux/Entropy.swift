import CLinux
import Glibc

/// The kernel's random generator: fit for keys and session ids.
public enum Entropy {
    /// Fills `bytes`. Blocks only on a machine that has just booted, before the generator is ready.
    public static func fill(_ bytes: inout MutableSpan<UInt8>) throws(SystemError) {
        try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(SystemError) in
            var filled = 0
            while filled < buffer.count {  // Bound: each turn fills.
                // Up to 256 bytes are given whole even when a signal comes.
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                let result = SystemCall.uninterrupted { SystemCall.raw { unsafe getrandom(rest.baseAddress, rest.count, 0) } }
                filled += try SystemCall.check(result, "getrandom")
            }
        }
    }

    public static func bytes(count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        try self.fill(&span)
        return bytes
    }

    /// For seeding a `PRNG`.
    public static func seed() throws(SystemError) -> UInt64 {
        try self.bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
