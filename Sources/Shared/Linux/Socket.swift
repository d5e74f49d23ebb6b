import Base
import CLinux
import Glibc

/// Stream sockets. Every descriptor made here is close-on-exec.
public enum Socket {
    /// What one `accept` did.
    @frozen
    public enum Accepted: Equatable, Sendable {
        /// The caller owns the descriptor: close-on-exec, non-blocking, and without Nagle's delay (inherited from the
        /// listener).
        case connection(FileDescriptor, SocketAddress)
        case wouldBlock
        /// The connection was gone before it was accepted, or the network reports an old error through it. Try the next one.
        case aborted(Errno)
        /// EMFILE, ENFILE, ENOBUFS or ENOMEM: the connection stays in the backlog and the listener stays readable. Stop polling
        /// it until something was closed, or the loop spins.
        case exhausted(Errno)
    }

    /// How many connections may wait in the kernel; it cuts this at net.core.somaxconn.
    public static var backlog: Int32 { 4096 }

    /// A non-blocking TCP listener. Port 0 lets the kernel choose: ask `localAddress`. IPv6 listeners take IPv6 only, so
    /// `[::]:80` and
    /// `0.0.0.0:80` can stand side by side. SO_REUSEADDR: a restart does not wait for TIME_WAIT. Never SO_REUSEPORT: when one
    /// of several listeners is closed, the connections in its backlog are lost.
    public static func listen(_ endpoint: IPEndpoint, backlog: Int32 = Socket.backlog) throws(SystemError) -> OwnedFD {
        let encoded = EncodedAddress(endpoint)
        let socket = try self.open(encoded.family, nonblocking: true)
        try socket.descriptor.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        if encoded.family == AF_INET6 { try socket.descriptor.setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        try socket.descriptor.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        try self.bind(socket.descriptor, encoded)
        try self.listen(socket.descriptor, backlog)
        return socket
    }

    /// A non-blocking listener at `path`, born with `mode`, so there is no moment with more rights.
    ///
    /// A socket file that a dead process left behind is replaced; one that somebody answers on is not (`addressInUse`), and
    /// neither is anything that is no socket. Two processes that start at the same moment must be kept apart by a lock: see
    /// `LockFile`.
    public static func listen(
        unix path: String, mode: UInt32 = 0o600, backlog: Int32 = Socket.backlog
    ) throws(SystemError) -> OwnedFD {
        let encoded = try EncodedAddress(unix: path)
        let socket = try self.open(AF_UNIX, nonblocking: true)
        try SystemCall.check(SystemCall.raw { fchmod(socket.descriptor.rawValue, mode) }, "fchmod")
        do {
            try self.bind(socket.descriptor, encoded)
        } catch {
            guard error.errno == .addressInUse, try self.removeStale(path, encoded) else { throw error }
            try self.bind(socket.descriptor, encoded)
        }
        // The umask may have taken bits away. Only widening can be left to do, so the order is safe.
        try SystemCall.check(SystemCall.raw { unsafe path.withCString { unsafe chmod($0, mode) } }, "chmod")
        try self.listen(socket.descriptor, backlog)
        return socket
    }

    /// Takes over a listener that another process opened: checks that it is one, and sets what `listen` would have set.
    public static func adopt(_ descriptor: FileDescriptor) throws(SystemError) -> OwnedFD {
        guard try descriptor.option(SOL_SOCKET, SO_ACCEPTCONN) == 1,
            try descriptor.option(SOL_SOCKET, SO_TYPE) == Int32(SOCK_STREAM.rawValue)
        else { throw SystemError(.invalid, "getsockopt") }
        try descriptor.setCloseOnExec(true)
        try descriptor.setNonblocking(true)
        if case .ip = try descriptor.localAddress() { try descriptor.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        return OwnedFD(descriptor)
    }

    /// Takes one connection.
    public static func accept(_ listener: FileDescriptor) throws(SystemError) -> Accepted {
        var peer = clinux_address()
        let result = SystemCall.uninterrupted { Int(unsafe clinux_accept(listener.rawValue, &peer)) }
        if result >= 0 { return .connection(FileDescriptor(rawValue: Int32(result)), SocketAddress(peer)) }
        let code = Int32(-result)
        switch code {
        case EAGAIN: return .wouldBlock
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(Errno(rawValue: code))
        // accept(2): errors already pending on the new socket are passed on, and are to be treated like EAGAIN. EPERM: a
        // firewall.
        case ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
            ETIMEDOUT:
            return .aborted(Errno(rawValue: code))
        default: throw SystemCall.failure(result, "accept4")
        }
    }

    /// A connection to `endpoint`, made while the caller waits.
    public static func connect(_ endpoint: IPEndpoint, nonblocking: Bool = false) throws(SystemError) -> OwnedFD {
        try self.connect(EncodedAddress(endpoint), nonblocking: nonblocking)
    }

    /// A connection to the Unix socket at `path`, made while the caller waits.
    public static func connect(unix path: String, nonblocking: Bool = false) throws(SystemError) -> OwnedFD {
        try self.connect(EncodedAddress(unix: path), nonblocking: nonblocking)
    }

    private static func connect(_ address: EncodedAddress, nonblocking: Bool) throws(SystemError) -> OwnedFD {
        let socket = try self.open(address.family, nonblocking: false)
        let result = unsafe address.withPointer { pointer, length in
            SystemCall.raw { unsafe Glibc.connect(socket.descriptor.rawValue, pointer, length) }
        }
        // Expected: an interrupted connect goes on by itself; calling it again waits for the result (EISCONN when it is already
        // there).
        if result == -Int(EINTR) {
            let again = unsafe address.withPointer { pointer, length in
                SystemCall.uninterrupted {
                    SystemCall.raw { unsafe Glibc.connect(socket.descriptor.rawValue, pointer, length) }
                }
            }
            if again != -Int(EISCONN) { try SystemCall.check(again, "connect") }
        } else {
            try SystemCall.check(result, "connect")
        }
        if address.family != AF_UNIX { try socket.descriptor.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        if nonblocking { try socket.descriptor.setNonblocking(true) }
        return socket
    }

    private static func open(_ family: Int32, nonblocking: Bool) throws(SystemError) -> OwnedFD {
        OwnedFD(try SystemCall.check(clinux_socket(family, nonblocking ? 1 : 0), "socket"))
    }

    private static func bind(_ descriptor: FileDescriptor, _ address: EncodedAddress) throws(SystemError) {
        let result = unsafe address.withPointer { pointer, length in
            SystemCall.raw { unsafe Glibc.bind(descriptor.rawValue, pointer, length) }
        }
        try SystemCall.check(result, "bind")
    }

    private static func listen(_ descriptor: FileDescriptor, _ backlog: Int32) throws(SystemError) {
        try SystemCall.check(SystemCall.raw { Glibc.listen(descriptor.rawValue, backlog) }, "listen")
    }

    /// Removes the socket file at `path` when nobody listens on it any more.
    private static func removeStale(_ path: String, _ address: EncodedAddress) throws(SystemError) -> Bool {
        guard let status = try? Files.status(path), status.kind == .socket else { return false }
        do {
            let probe = try self.open(AF_UNIX, nonblocking: true)
            let result = unsafe address.withPointer { pointer, length in
                SystemCall.raw { unsafe Glibc.connect(probe.descriptor.rawValue, pointer, length) }
            }
            // EAGAIN is a full backlog, and so a living listener. EACCES and the rest tell nothing: leave it.
            guard result == -Int(ECONNREFUSED) else { return false }
        }
        try Files.remove(path)
        return true
    }
}

/// A `sockaddr` ready for the kernel.
struct EncodedAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    init(_ endpoint: IPEndpoint) {
        var plain = clinux_address()
        plain.port = endpoint.port
        if endpoint.address.isV4 {
            plain.family = UInt16(AF_INET)
            plain.setBytes(endpoint.address.low << 32, 0)
        } else {
            plain.family = UInt16(AF_INET6)
            plain.scope = endpoint.scope
            plain.setBytes(endpoint.address.high, endpoint.address.low)
        }
        self.length = unsafe clinux_address_encode(&plain, &self.storage)
    }

    init(unix path: String) throws(SystemError) {
        self.length = 0
        let bytes = Array(path.utf8)
        self.length = unsafe clinux_address_encode_unix(bytes, UInt(bytes.count), &self.storage)
        guard self.length > 0 else { throw SystemError(.nameTooLong, "bind") }
    }

    var family: Int32 { Int32(self.storage.ss_family) }

    func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> Int {
        unsafe withUnsafePointer(to: self.storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, self.length) }
        }
    }
}

extension clinux_address {
    mutating func setBytes(_ high: UInt64, _ low: UInt64) {
        unsafe withUnsafeMutableBytes(of: &self.bytes) { bytes in
            unsafe bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }
}

extension SocketAddress {
    init(_ plain: clinux_address) {
        let (high, low) = unsafe withUnsafeBytes(of: plain.bytes) { bytes in
            let high = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            return unsafe (high, UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
        switch Int32(plain.family) {
        case AF_INET: self = .ip(IPEndpoint(IPAddress(v4: UInt32(truncatingIfNeeded: high >> 32)), port: plain.port))
        case AF_INET6: self = .ip(IPEndpoint(IPAddress(high: high, low: low), port: plain.port, scope: plain.scope))
        case AF_UNIX: self = .unix
        default: self = .other
        }
    }
}
