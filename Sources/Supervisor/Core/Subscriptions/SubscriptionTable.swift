import Base

/// The subscriptions to resources of all servers, by server and uri. Never more than `perServerMax` of one server.
struct SubscriptionTable: ~Copyable {
    private var subscriptions: SlotMap<Subscription>
    /// One for each configured server.
    private var keys: [[[UInt8]: SubscriptionKey]]
    private let perServerMax: Int

    /// Of one uri.
    static let uriBytesMax = 8 << 10

    init(definitions: Int, perServerMax: Int) {
        self.subscriptions = SlotMap(capacity: definitions * perServerMax)
        self.keys = [[[UInt8]: SubscriptionKey]](repeating: [:], count: definitions)
        self.perServerMax = perServerMax
    }

    var isEmpty: Bool { self.subscriptions.isEmpty }
    var count: Int { self.subscriptions.count }

    subscript(_ key: SubscriptionKey) -> Subscription {
        _read { yield self.subscriptions[key] }
        _modify { yield &self.subscriptions[key] }
    }

    func contains(_ key: SubscriptionKey) -> Bool { self.subscriptions.contains(key) }

    func find(_ definition: Int, _ uri: [UInt8]) -> SubscriptionKey? { self.keys[definition][uri] }

    /// The subscription to `uri`, made when there is none. Nil when the server has as many as it may.
    mutating func make(_ definition: Int, _ uri: [UInt8]) -> SubscriptionKey? {
        if let key = self.keys[definition][uri] { return key }
        guard self.keys[definition].count < self.perServerMax,
            let key = self.subscriptions.insert(Subscription(definition: definition, uri: uri))
        else { return nil }
        self.keys[definition][uri] = key
        return key
    }

    /// A worker that never confirms the end of a subscription must not use up the table. Its late answers name nothing.
    /// Before any is made: those that are made and not joined yet would be no better.
    mutating func makeRoom(_ definition: Int, for count: Int) {
        guard self.keys[definition].count + count > self.perServerMax else { return }
        for key in self.all(of: definition) where self.subscriptions[key].isLeft {  // Bound: `perServerMax`.
            guard let left = self.subscriptions.remove(key) else { continue }
            self.keys[definition][left.uri] = nil
        }
    }

    /// Forgets it if it is over.
    mutating func removeIfOver(_ key: SubscriptionKey) {
        guard self.subscriptions.contains(key), self.subscriptions[key].isOver,
            let over = self.subscriptions.remove(key)
        else { return }
        self.keys[over.definition][over.uri] = nil
    }

    /// In the order of their places.
    func all(of definition: Int) -> [SubscriptionKey] {
        guard !self.keys[definition].isEmpty else { return [] }
        return self.subscriptions.keys.filter { self.subscriptions[$0].definition == definition }
    }

    /// Who is told that `uri` changed: whoever asked for it; else whoever asked for the longest path above it; else everybody who
    /// asked this server for anything, because servers may report a part of what was asked for under a name of their own.
    func subscribers(_ definition: Int, to uri: [UInt8]) -> [Subscriber] {
        if let exact = self.keys[definition][uri] { return self.subscriptions[exact].subscribers }
        let all = self.all(of: definition)  // Bound: `perServerMax`.
        var best: SubscriptionKey?
        for key in all where Self.isAbove(self.subscriptions[key].uri, uri) && !self.subscriptions[key].subscribers.isEmpty {
            if let known = best, self.subscriptions[known].uri.count >= self.subscriptions[key].uri.count { continue }
            best = key
        }
        if let best { return self.subscriptions[best].subscribers }
        var everybody: [Subscriber] = []
        var seen = Set<Subscriber>()
        for key in all {
            for subscriber in self.subscriptions[key].subscribers where seen.insert(subscriber).inserted {
                everybody.append(subscriber)
            }
        }
        return everybody
    }

    /// Whether `uri` goes on where the path `upper` ends: `a:/b` is above `a:/b/c` and `a:/b?c`, not above `a:/bc`.
    static func isAbove(_ upper: [UInt8], _ uri: [UInt8]) -> Bool {
        guard let last = upper.last, upper.count < uri.count, uri.starts(with: upper) else { return false }
        if last == 0x2F { return true }
        switch uri[upper.count] {
        case 0x2F, 0x3F, 0x23: return true
        default: return false
        }
    }
}
