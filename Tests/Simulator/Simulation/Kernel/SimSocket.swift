import Base
import SupervisorCore

/// One TCP connection between a simulated client and the supervisor, with the kernel's rules for ends and resets.
final class SimSocket {
    /// What the driver's epoll would report.
    struct Ready {
        var readable = false
        var writable = false
        var hangup = false

        var isAny: Bool { self.readable || self.writable || self.hangup }
    }

    enum Read {
        case moved([UInt8])
        case ended
        case failed
    }

    let client: Int
    let serial: Int
    private var toServer: ByteQueue
    private var toClient: ByteQueue
    /// The client sent FIN: by half-closing or by closing.
    private(set) var clientShut = false
    private(set) var clientClosed = false
    private(set) var serverShut = false
    private(set) var serverClosed = false
    /// A reset reached the supervisor's side.
    private(set) var isReset = false
    /// A reset reached the client's side.
    private(set) var isResetForClient = false
    /// Bytes that the machine has ever been given.
    var readTotal = 0
    /// The machine's name for it, once accepted.
    var key: ConnectionKey?
    // What the driver registered for.
    var wantsReadable = true
    var wantsWritable = false

    init(client: Int, serial: Int, capacity: Int) {
        self.client = client
        self.serial = serial
        self.toServer = ByteQueue(capacity: capacity)
        self.toClient = ByteQueue(capacity: capacity)
    }

    // MARK: The supervisor's side

    var ready: Ready {
        var ready = Ready()
        ready.readable = self.wantsReadable && (!self.toServer.isEmpty || self.clientShut || self.isReset)
        ready.writable = self.wantsWritable && (self.toClient.room > 0 || self.isReset)
        ready.hangup = self.isReset || (self.serverShut && self.clientShut)
        return ready
    }

    func serverRead(_ limit: Int) -> Read {
        guard !self.isReset else { return .failed }
        if self.toServer.isEmpty { return self.clientShut ? .ended : .moved([]) }
        return .moved(self.toServer.take(limit))
    }

    /// Nil: the connection is broken.
    func serverSend(_ bytes: Span<UInt8>) -> Int? {
        guard !self.isReset, !self.serverShut else { return nil }
        guard !self.clientClosed else {
            // Accepted by the kernel; the client's answer to it is a reset.
            self.isReset = true
            return bytes.count
        }
        return self.toClient.put(bytes)
    }

    func serverShutDown() { self.serverShut = true }

    /// Closing with bytes unread sends a reset, which can overtake what the client has not read yet.
    func serverClose(overtakes: Bool) {
        self.serverClosed = true
        self.serverShut = true
        guard !self.toServer.isEmpty, !self.clientClosed else { return }
        self.isResetForClient = true
        if overtakes { self.toClient.clear() }
    }

    // MARK: The client's side

    var clientRoom: Int { self.serverClosed ? 1 << 20 : self.toServer.room }
    var hasForClient: Bool { !self.toClient.isEmpty }
    /// Nothing more will come.
    var endedForClient: Bool { self.toClient.isEmpty && (self.serverShut || self.isResetForClient) }

    /// Sending to a closed peer brings a reset back, which may overtake unread bytes.
    func clientSend(_ bytes: Span<UInt8>, overtakes: Bool) -> Int {
        guard !self.serverClosed else {
            self.isResetForClient = true
            if overtakes { self.toClient.clear() }
            return bytes.count
        }
        return self.toServer.put(bytes)
    }

    func clientRead(_ limit: Int) -> [UInt8] { self.toClient.take(limit) }

    func clientHalfClose() { self.clientShut = true }

    /// Closing with bytes unread sends a reset, as the kernel does.
    func clientClose(resets: Bool) {
        guard !self.clientClosed else { return }
        self.clientClosed = true
        self.clientShut = true
        if resets || !self.toClient.isEmpty {
            self.isReset = true
            self.toServer.clear()
        }
        self.toClient.clear()
    }
}
