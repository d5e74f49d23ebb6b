import Base

typealias SubscriptionKey = SlotKey

/// Who is told when a resource changes.
enum Subscriber: Hashable {
    /// A legacy session, by `resources/subscribe`.
    case session(SessionKey)
    /// A modern `subscriptions/listen` on this connection; the number tells it from others there.
    case listen(ConnectionKey, number: UInt64)
}

/// One resource of one configured server, and everybody who wants to know when it changes. However many they are, each worker is
/// asked once. Workers differ in what they were told of their clients, and any of them may be the one that changes the resource, so
/// all of them are asked.
///
///     of one worker:   (not asked) ──somebody wants it──▶ asking ──yes──▶ subscribed ──nobody wants it──▶ leaving ──▶ (not asked)
///                                                            └──no──▶ refused
///                      subscribed ──the worker died──▶ lost ──another is ready──▶ returning ──yes──▶ subscribed, and `restored`
///
/// A worker that has been asked is not asked again before it has answered: a subscription and its end cannot overtake each other.
/// Pure. Every event takes the workers that are ready (`live`, by the index of their server) and appends what must be done.
struct Subscription: Equatable {
    enum Attachment: Equatable {
        case asking
        case subscribed
        /// Told that nobody wants it any more; the answer is outstanding.
        case leaving
        /// It had agreed, and died.
        case lost
        /// As `asking`, in the place of one that was lost.
        case returning
        /// It said no. It is asked again when somebody new wants the resource.
        case refused
    }

    /// A request that waits for the first worker that agrees.
    struct Waiter: Equatable {
        let call: CallKey
        let subscriber: Subscriber
    }

    enum Action: Equatable {
        case subscribe(server: Int)
        case unsubscribe(server: Int)
        /// The waiter is a subscriber now.
        case accepted(Waiter)
        /// Every worker said no, see `refusal`.
        case refused(Waiter)
        /// What happened to the resource while no worker watched it is not known.
        case restored
    }

    /// The configured server.
    let definition: Int
    let uri: [UInt8]
    /// In the order in which they came, each once.
    private(set) var subscribers: [Subscriber] = []
    private(set) var waiters: [Waiter] = []
    /// The latest error of a worker that said no: a JSON-RPC error object.
    private(set) var refusal: [UInt8] = []
    /// By server. Bound: `Server.variantsMax`.
    private var attachments: [Place] = []

    struct Place: Equatable {
        let server: Int
        var state: Attachment
    }

    init(definition: Int, uri: [UInt8]) {
        self.definition = definition
        self.uri = uri
    }

    var isWanted: Bool { !self.subscribers.isEmpty || !self.waiters.isEmpty }

    /// Nobody wants it, and no worker has to be told or heard.
    var isOver: Bool {
        !self.isWanted && self.attachments.allSatisfy { $0.state == .refused || $0.state == .lost }
    }

    /// Nobody wants it, and what is still awaited is only that a worker confirms the end.
    var isLeft: Bool {
        !self.isWanted && self.attachments.contains { $0.state == .leaving }
            && self.attachments.allSatisfy { $0.state == .leaving || $0.state == .refused || $0.state == .lost }
    }

    func state(of server: Int) -> Attachment? { self.attachments.first { $0.server == server }?.state }

    // MARK: Subscribers

    mutating func joined(_ waiter: Waiter, live: [Int], into actions: inout [Action]) {
        guard !self.isSubscribed else { return self.accept(waiter, into: &actions) }
        self.attachments.removeAll { $0.state == .refused }
        self.waiters.append(waiter)
        self.reconcile(live, into: &actions)
    }

    /// The subscriber wants no more of it, or has gone.
    mutating func left(_ subscriber: Subscriber, live: [Int], into actions: inout [Action]) {
        self.subscribers.removeAll { $0 == subscriber }
        self.reconcile(live, into: &actions)
    }

    /// The request waits no longer: it was cancelled, or has taken too long.
    mutating func gaveUp(_ call: CallKey, live: [Int], into actions: inout [Action]) {
        self.waiters.removeAll { $0.call == call }
        self.reconcile(live, into: &actions)
    }

    // MARK: Workers

    mutating func workerReady(_ server: Int, into actions: inout [Action]) { self.reconcile([server], into: &actions) }

    /// Its worker has ended. Expected is the end of one that no client needed: what comes in its place has missed nothing.
    mutating func workerLost(_ server: Int, isExpected: Bool = false) {
        guard let index = self.attachments.firstIndex(where: { $0.server == server }) else { return }
        switch self.attachments[index].state {
        case .subscribed, .returning, .lost:
            if self.isWanted && !isExpected { self.attachments[index].state = .lost } else { self.attachments.remove(at: index) }
        case .asking, .leaving, .refused: self.attachments.remove(at: index)
        }
    }

    /// The worker answered what it was told last; `error` is its error object, nil when it agreed.
    mutating func answered(_ server: Int, error: [UInt8]?, live: [Int], into actions: inout [Action]) {
        guard let index = self.attachments.firstIndex(where: { $0.server == server }) else { return }
        switch self.attachments[index].state {
        case .asking, .returning:
            if let error {
                self.attachments[index].state = .refused
                self.refusal = error
            } else {
                if self.attachments[index].state == .returning { actions.append(.restored) }
                self.attachments[index].state = .subscribed
            }
        case .leaving: self.attachments.remove(at: index)
        // Expected: an answer that comes twice.
        case .subscribed, .lost, .refused: return
        }
        self.settle(into: &actions)
        self.reconcile(live, into: &actions)
    }

    /// No worker will come for a while: nobody waits for one.
    mutating func workersGone(_ error: [UInt8], into actions: inout [Action]) {
        self.refusal = error
        self.refuseWaiters(into: &actions)
    }

    // MARK: Steps

    private var isSubscribed: Bool { self.attachments.contains { $0.state == .subscribed } }

    private mutating func accept(_ waiter: Waiter, into actions: inout [Action]) {
        if !self.subscribers.contains(waiter.subscriber) { self.subscribers.append(waiter.subscriber) }
        actions.append(.accepted(waiter))
    }

    /// One worker's yes is enough. A no counts when nobody is left who could say yes.
    private mutating func settle(into actions: inout [Action]) {
        guard !self.waiters.isEmpty else { return }
        if self.isSubscribed {
            let accepted = self.waiters
            self.waiters = []
            for waiter in accepted { self.accept(waiter, into: &actions) }
        } else if !self.attachments.isEmpty, self.attachments.allSatisfy({ $0.state == .refused }) {
            self.refuseWaiters(into: &actions)
        }
    }

    private mutating func refuseWaiters(into actions: inout [Action]) {
        let refused = self.waiters
        self.waiters = []
        for waiter in refused { actions.append(.refused(waiter)) }
    }

    /// Brings the workers to what is wanted, as far as they have answered what they were told before.
    private mutating func reconcile(_ live: [Int], into actions: inout [Action]) {
        for server in live {  // Bound: `Server.variantsMax`.
            let index = self.attachments.firstIndex { $0.server == server }
            switch index.map({ self.attachments[$0].state }) {
            case nil where self.isWanted:
                self.attachments.append(Place(server: server, state: .asking))
                actions.append(.subscribe(server: server))
            case .lost where self.isWanted:
                self.set(server, .returning)
                actions.append(.subscribe(server: server))
            case .subscribed where !self.isWanted:
                self.set(server, .leaving)
                actions.append(.unsubscribe(server: server))
            case nil, .lost, .subscribed, .asking, .returning, .leaving, .refused: break
            }
        }
    }

    private mutating func set(_ server: Int, _ state: Attachment) {
        guard let index = self.attachments.firstIndex(where: { $0.server == server }) else { return }
        self.attachments[index].state = state
    }
}
