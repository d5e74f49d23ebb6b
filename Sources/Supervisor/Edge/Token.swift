import Base

/// What an epoll event is about: a kind, and the slot and generation of a connection or worker. An event that was fetched before its
/// descriptor was closed carries an old generation and is recognised by it.
struct Token: Equatable {
    enum Kind: UInt64 {
        case connection = 1
        case workerOutput, workerInput, workerErrors, workerExit
        /// The slot is an index into the listeners.
        case listener
        case signal
        case standardInput, standardOutput
    }

    let kind: Kind
    let key: SlotKey

    /// 4 bits of kind, 28 of generation, 32 of slot.
    private static let generationMask: UInt64 = 1 << 28 - 1

    init(_ kind: Kind, _ key: SlotKey) {
        self.kind = kind
        self.key = SlotKey(slot: key.slot, generation: UInt32(UInt64(key.generation) & Self.generationMask))
    }

    init(_ kind: Kind, index: Int = 0) { self.init(kind, SlotKey(slot: UInt32(index), generation: 0)) }

    init?(word: UInt64) {
        guard let kind = Kind(rawValue: word >> 60) else { return nil }
        self.kind = kind
        self.key = SlotKey(
            slot: UInt32(truncatingIfNeeded: word), generation: UInt32(word >> 32 & Self.generationMask))
    }

    var word: UInt64 { self.kind.rawValue << 60 | UInt64(self.key.generation) << 32 | UInt64(self.key.slot) }

    func names(_ key: SlotKey) -> Bool { Token(self.kind, key) == self }
}
