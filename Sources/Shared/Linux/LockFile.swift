import Base
import Glibc

/// A pid file that is locked as long as its process lives: the kernel gives the lock up with the last copy of the descriptor,
/// even after SIGKILL, so there is no stale lock. The file itself stays, because removing it would let two processes lock two
/// files of one name.
public struct LockFile: ~Copyable, Sendable {
    private let file: OwnedFD

    /// What an attempt to lock gave.
    public enum Attempt: ~Copyable {
        case locked(LockFile)
        /// Another process has it: its number as written in the file, or nil when that is not readable.
        case held(by: Int32?)
    }

    public static func acquire(_ path: String, mode: UInt32 = 0o600) throws(SystemError) -> Attempt {
        let file = try Files.open(path, .readWrite, mode: mode)
        let result = SystemCall.uninterrupted { SystemCall.raw { flock(file.descriptor.rawValue, LOCK_EX | LOCK_NB) } }
        if SystemCall.isWouldBlock(result) { return .held(by: try self.owner(file.descriptor)) }
        try SystemCall.check(result, "flock")
        var text: [UInt8] = []
        text.append(decimal: Int64(Processes.current))
        text.append(0x0A)
        try SystemCall.check(SystemCall.raw { ftruncate(file.descriptor.rawValue, 0) }, "ftruncate")
        try file.descriptor.writeAll(text.span)
        return .locked(LockFile(file: file))
    }

    /// The process that holds the lock at `path`, or nil when none does. For commands that talk to a running supervisor.
    public static func holder(_ path: String) throws(SystemError) -> Int32? {
        let file = try Files.open(path, .read)
        let result = SystemCall.uninterrupted { SystemCall.raw { flock(file.descriptor.rawValue, LOCK_SH | LOCK_NB) } }
        if SystemCall.isWouldBlock(result) { return try self.owner(file.descriptor) }
        try SystemCall.check(result, "flock")
        return nil
    }

    /// For passing the lock over a re-exec.
    public var descriptor: FileDescriptor { self.file.descriptor }

    /// Takes over a lock that was held before a re-exec.
    public init(inherited file: consuming OwnedFD) { self.file = file }

    private init(file: consuming OwnedFD) { self.file = file }

    private static func owner(_ descriptor: FileDescriptor) throws(SystemError) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 16)
        var span = bytes.mutableSpan
        let count = try descriptor.read(into: &span, from: 0)
        let digits = bytes[..<count].prefix { ASCII.isDigit($0) }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
