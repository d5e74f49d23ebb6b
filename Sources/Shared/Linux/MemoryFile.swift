import CLinux

/// Bytes in memory behind a descriptor, for handing a specification or a state to another process.
public enum MemoryFile {
    /// A sealed copy of `bytes`: nobody who receives it, and not even we, can change it any more. Its position is at the end of
    /// the bytes; readers use `contents`. `name` shows up in /proc/PID/fd only.
    public static func sealed(name: String, _ bytes: Span<UInt8>) throws(SystemError) -> OwnedFD {
        let result = SystemCall.uninterrupted { Int(unsafe name.withCString { unsafe clinux_memfd($0) }) }
        let file = OwnedFD(Int32(try SystemCall.check(result, "memfd_create")))
        try file.descriptor.writeAll(bytes)
        try SystemCall.check(clinux_memfd_seal(file.descriptor.rawValue), "fcntl")
        return file
    }

    /// The bytes of a sealed memory file of at most `limit` bytes; `invalid` when it is none, or is not sealed.
    public static func contents(_ descriptor: FileDescriptor, limit: Int) throws(SystemError) -> [UInt8] {
        guard try SystemCall.check(clinux_memfd_is_sealed(descriptor.rawValue), "fcntl") == 1 else {
            throw SystemError(.invalid, "fcntl")
        }
        let size = Int(try descriptor.status().size)
        guard size <= limit else { throw SystemError(.fileTooBig, "pread") }
        var bytes = [UInt8](repeating: 0, count: size)
        var span = bytes.mutableSpan
        // Memory files are read in one piece up to 2 GiB.
        guard try descriptor.read(into: &span, from: 0) == size else { throw SystemError(.invalid, "pread") }
        return bytes
    }
}
