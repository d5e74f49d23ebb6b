import CLinux
import Glibc

/// An inherited descriptor of unknown kind, used without blocking and without changing the flags of its open file description:
/// that may be a terminal, or shared with the parent or a sibling.
public struct StandardStream: ~Copyable, Sendable {
    private enum Kind: Sendable {
        /// MSG_DONTWAIT makes the single call non-blocking.
        case socket
        /// Our own description of the same pipe, opened with O_NONBLOCK.
        case reopened
        /// A terminal, or a pipe that could not be opened again: pieces of at most PIPE_BUF go in whole once it is writable (pipe(7)).
        case pipe
        /// Never would block for long.
        case file
    }

    private static let pipePieceMax = 4_096

    public let descriptor: FileDescriptor
    private let kind: Kind

    public init(reading descriptor: FileDescriptor) {
        self.descriptor = descriptor
        self.kind = Self.kind(of: descriptor) == mode_t(S_IFSOCK) ? .socket : .file
    }

    public init(writing descriptor: FileDescriptor) {
        switch Self.kind(of: descriptor) {
        case mode_t(S_IFSOCK):
            self.descriptor = descriptor
            self.kind = .socket
        case mode_t(S_IFIFO):
            let again = unsafe Glibc.open("/proc/self/fd/\(descriptor.rawValue)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            self.descriptor = again >= 0 ? FileDescriptor(rawValue: again) : descriptor
            self.kind = again >= 0 ? .reopened : .pipe
        case mode_t(S_IFCHR):
            // A terminal whose output is held (^S) takes nothing; `poll` knows.
            self.descriptor = descriptor
            self.kind = .pipe
        default:
            self.descriptor = descriptor
            self.kind = .file
        }
    }

    private static func kind(of descriptor: FileDescriptor) -> mode_t {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else { return 0 }
        return status.st_mode & mode_t(S_IFMT)
    }

    /// One read, after `PollSet` said that the descriptor is readable.
    public func read(into bytes: inout MutableSpan<UInt8>) throws(SystemError) -> Transfer {
        if case .socket = self.kind {
            return try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(SystemError) in
                let result = SystemCall.uninterrupted {
                    SystemCall.raw {
                        unsafe recv(self.descriptor.rawValue, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                    }
                }
                return result == 0 ? .ended : try Self.outcome(result, "recv")
            }
        }
        return try self.descriptor.read(into: &bytes)
    }

    /// One write of as much as goes now. After `wouldBlock` wait until the descriptor is writable.
    public func write(_ bytes: Span<UInt8>) throws(SystemError) -> Transfer {
        switch self.kind {
        case .socket:
            return try unsafe bytes.withUnsafeBytes { (buffer) throws(SystemError) in
                let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                let result = SystemCall.uninterrupted {
                    SystemCall.raw { unsafe send(self.descriptor.rawValue, buffer.baseAddress, buffer.count, flags) }
                }
                return try Self.outcome(result, "send")
            }
        case .pipe:
            guard try self.isWritableNow() else { return .wouldBlock }
            return try self.descriptor.write(bytes.extracting(0..<min(bytes.count, Self.pipePieceMax)))
        case .reopened, .file: return try self.descriptor.write(bytes)
        }
    }

    private func isWritableNow() throws(SystemError) -> Bool {
        var entry = pollfd(fd: self.descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        let result = SystemCall.uninterrupted { SystemCall.raw { unsafe Glibc.poll(&entry, 1, 0) } }
        return try SystemCall.check(result, "poll") > 0
    }

    private static func outcome(_ result: Int, _ call: StaticString) throws(SystemError) -> Transfer {
        if result >= 0 { return .moved(result) }
        if SystemCall.isWouldBlock(result) { return .wouldBlock }
        throw SystemCall.failure(result, call)
    }
}
