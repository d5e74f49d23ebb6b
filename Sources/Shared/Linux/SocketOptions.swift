import CLinux
import Glibc

/// The process at the other end of a Unix socket, as it was when it connected (SO_PEERCRED).
public struct PeerCredentials: Equatable, Sendable {
    public let pid: Int32
    public let uid: UInt32
    public let gid: UInt32
}

extension FileDescriptor {
    /// The address a socket is bound to, which tells the port that the kernel chose.
    public func localAddress() throws(SystemError) -> SocketAddress {
        var address = clinux_address()
        try SystemCall.check(unsafe clinux_local_address(self.rawValue, &address), "getsockname")
        return SocketAddress(address)
    }

    public func peerCredentials() throws(SystemError) -> PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        try SystemCall.check(unsafe clinux_peer_credentials(self.rawValue, &pid, &uid, &gid), "getsockopt")
        return PeerCredentials(pid: pid, uid: uid, gid: gid)
    }

    /// The error that waits on a socket (SO_ERROR), which reading it clears.
    public func takePendingError() throws(SystemError) -> Errno? {
        let code = try self.option(SOL_SOCKET, SO_ERROR)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// Bytes that can be read at once.
    public func readableBytes() throws(SystemError) -> Int {
        Int(try SystemCall.check(clinux_readable_bytes(self.rawValue), "ioctl"))
    }

    /// Lets the kernel drop the connection when its peer has been silent for that long, in whole seconds (TCP_KEEPIDLE, three
    /// probes).
    public func setKeepAlive(idleSeconds: Int32, probeSeconds: Int32) throws(SystemError) {
        try self.setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        try self.setOption(Int32(IPPROTO_TCP), TCP_KEEPIDLE, idleSeconds)
        try self.setOption(Int32(IPPROTO_TCP), TCP_KEEPINTVL, probeSeconds)
        try self.setOption(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    }

    /// Whether Nagle's delay is off.
    public func isWithoutDelay() throws(SystemError) -> Bool { try self.option(Int32(IPPROTO_TCP), TCP_NODELAY) != 0 }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(SystemError) {
        try SystemCall.check(clinux_set_option(self.rawValue, level, name, value), "setsockopt")
    }

    func option(_ level: Int32, _ name: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        try SystemCall.check(unsafe clinux_get_option(self.rawValue, level, name, &value), "getsockopt")
        return value
    }
}
