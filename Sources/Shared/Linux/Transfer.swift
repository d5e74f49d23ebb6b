import CLinux
import Glibc

/// What one call that moves bytes did.
@frozen
public enum Transfer: Equatable, Sendable {
    /// This many bytes moved; more than 0, unless 0 were asked for.
    case moved(Int)
    /// Reading only: the other side has closed its end.
    case ended
    /// Nothing moved; wait for the next event.
    case wouldBlock
}

/// One piece of a gathered write. Laid out as `struct iovec`.
@unsafe @frozen
public struct WritePiece {
    @usableFromInline let start: UnsafeRawPointer?
    @usableFromInline let count: Int

    /// The bytes must stay where they are until the write has returned.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.start = bytes.baseAddress
        unsafe self.count = bytes.count
    }
}

extension FileDescriptor {
    /// One `read`.
    @unsafe public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Transfer {
        if buffer.count == 0 { return .moved(0) }
        let result = SystemCall.uninterrupted {
            SystemCall.raw { unsafe Glibc.read(self.rawValue, buffer.baseAddress, buffer.count) }
        }
        if result == 0 { return .ended }
        return try self.outcome(result, "read")
    }

    /// One `read` into initialized memory.
    public func read(into bytes: inout MutableSpan<UInt8>) throws(SystemError) -> Transfer {
        try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(SystemError) in try unsafe self.read(into: buffer) }
    }

    /// One `recv`: sockets only. A little cheaper than `read`, which first goes the way of files.
    public func receive(into bytes: inout MutableSpan<UInt8>) throws(SystemError) -> Transfer {
        if bytes.count == 0 { return .moved(0) }
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            SystemCall.uninterrupted {
                SystemCall.raw { unsafe Glibc.recv(self.rawValue, buffer.baseAddress, buffer.count, 0) }
            }
        }
        if result == 0 { return .ended }
        return try self.outcome(result, "recv")
    }

    /// One `write`: files and pipes. SIGPIPE must be ignored or blocked, see `Signal.ignore`.
    @unsafe public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Transfer {
        let result = SystemCall.uninterrupted {
            SystemCall.raw { unsafe Glibc.write(self.rawValue, bytes.baseAddress, bytes.count) }
        }
        return try self.outcome(result, "write")
    }

    public func write(_ bytes: Span<UInt8>) throws(SystemError) -> Transfer {
        try unsafe bytes.withUnsafeBytes { (buffer) throws(SystemError) in try unsafe self.write(buffer) }
    }

    /// One `send` without SIGPIPE: sockets only.
    @unsafe public func send(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Transfer {
        let result = SystemCall.uninterrupted {
            SystemCall.raw { unsafe Glibc.send(self.rawValue, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        }
        return try self.outcome(result, "send")
    }

    public func send(_ bytes: Span<UInt8>) throws(SystemError) -> Transfer {
        try unsafe bytes.withUnsafeBytes { (buffer) throws(SystemError) in try unsafe self.send(buffer) }
    }

    /// One gathered `writev` of at most 1024 pieces (IOV_MAX). SIGPIPE must be ignored or blocked.
    @unsafe public func write(_ pieces: UnsafeBufferPointer<WritePiece>) throws(SystemError) -> Transfer {
        precondition(pieces.count <= 1024, "more pieces than IOV_MAX")
        guard let start = pieces.baseAddress else { return .moved(0) }
        let result = SystemCall.uninterrupted {
            unsafe start.withMemoryRebound(to: iovec.self, capacity: pieces.count) { vector in
                SystemCall.raw { unsafe Glibc.writev(self.rawValue, vector, Int32(pieces.count)) }
            }
        }
        return try self.outcome(result, "writev")
    }

    /// One gathered `sendmsg` without SIGPIPE: sockets only, at most 1024 pieces (IOV_MAX).
    @unsafe public func send(_ pieces: UnsafeBufferPointer<WritePiece>) throws(SystemError) -> Transfer {
        precondition(pieces.count <= 1024, "more pieces than IOV_MAX")
        guard let start = pieces.baseAddress else { return .moved(0) }
        let result = SystemCall.uninterrupted {
            unsafe start.withMemoryRebound(to: iovec.self, capacity: pieces.count) { vector in
                var message = unsafe msghdr()
                unsafe message.msg_iov = UnsafeMutablePointer(mutating: vector)
                unsafe message.msg_iovlen = pieces.count
                return SystemCall.raw { unsafe Glibc.sendmsg(self.rawValue, &message, Int32(MSG_NOSIGNAL)) }
            }
        }
        return try self.outcome(result, "sendmsg")
    }

    /// Two pieces in one call: a head that was just built and a body that stays where it is.
    public func send(_ head: Span<UInt8>, _ body: Span<UInt8>) throws(SystemError) -> Transfer {
        try unsafe head.withUnsafeBytes { (head) throws(SystemError) in
            try unsafe body.withUnsafeBytes { (body) throws(SystemError) in
                var pieces = unsafe (WritePiece(head), WritePiece(body))
                return try unsafe withUnsafePointer(to: &pieces) { (pointer) throws(SystemError) in
                    try unsafe pointer.withMemoryRebound(to: WritePiece.self, capacity: 2) { (start) throws(SystemError) in
                        try unsafe self.send(UnsafeBufferPointer(start: start, count: 2))
                    }
                }
            }
        }
    }

    /// Which half of a connection `shutDown` closes.
    public enum Half: Sendable { case reading, writing, both }

    /// Affects every holder of the socket, unlike `close`. A connection the peer has already reset is no error.
    public func shutDown(_ half: Half) throws(SystemError) {
        let how =
            switch half {
            case .reading: SHUT_RD
            case .writing: SHUT_WR
            case .both: SHUT_RDWR
            }
        let result = SystemCall.raw { Glibc.shutdown(self.rawValue, Int32(how)) }
        if result == -Int(ENOTCONN) { return }
        try SystemCall.check(result, "shutdown")
    }

    @inline(__always)
    private func outcome(_ result: Int, _ call: StaticString) throws(SystemError) -> Transfer {
        if result >= 0 { return .moved(result) }
        if SystemCall.isWouldBlock(result) { return .wouldBlock }
        throw SystemCall.failure(result, call)
    }
}

extension FileDescriptor {
    /// One `pread`, which neither uses nor moves the position: the number of bytes, 0 at the end of the file.
    public func read(into bytes: inout MutableSpan<UInt8>, from offset: Int) throws(SystemError) -> Int {
        try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(SystemError) in
            let result = SystemCall.uninterrupted {
                SystemCall.raw { unsafe Glibc.pread(self.rawValue, buffer.baseAddress, buffer.count, offset) }
            }
            return try SystemCall.check(result, "pread")
        }
    }
}
