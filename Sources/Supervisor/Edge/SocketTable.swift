import Base
import Linux

/// The descriptor of each client connection, by the machine's slot. 24 bytes a connection.
struct SocketTable {
    struct Socket {
        var descriptor: FileDescriptor
        var key: SlotKey
        /// What the descriptor is registered for.
        var interest: Epoll.Events
    }

    private var sockets: ContiguousArray<Socket?> = []

    subscript(_ key: SlotKey) -> Socket? {
        get {
            guard Int(key.slot) < self.sockets.count, let socket = self.sockets[Int(key.slot)], socket.key == key else {
                return nil
            }
            return socket
        }
        set {
            while self.sockets.count <= Int(key.slot) { self.sockets.append(nil) }  // Bound: `limits.connections`.
            self.sockets[Int(key.slot)] = newValue
        }
    }

    /// What still lies in the slot of a new connection: one that ended earlier in this turn, and whose `closeConnection` will come too
    /// late to find it.
    func leftover(inSlotOf key: SlotKey) -> Socket? {
        Int(key.slot) < self.sockets.count ? self.sockets[Int(key.slot)] : nil
    }

    /// The live key that a token names; nil when its connection is gone.
    func key(_ token: Token) -> SlotKey? {
        let slot = Int(token.key.slot)
        guard slot < self.sockets.count, let socket = self.sockets[slot], token.names(socket.key) else { return nil }
        return socket.key
    }
}
