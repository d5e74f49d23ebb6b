import Wire

/// A request reaches a worker at most once, and the error for a call that its worker did not survive says the truth about whether
/// it got there: a client decides by it whether repeating the call can do something twice.
final class DeliveryChecker {
    let judge: Judge
    /// Whose whole line a worker has read.
    private var seen: Set<Int> = []

    init(judge: Judge) { self.judge = judge }

    /// A worker has read the line of this call.
    func read(_ number: Int) {
        guard self.seen.insert(number).inserted else {
            return self.judge.report("deliveries", "the call of request \(number) reached a worker twice")
        }
    }

    /// The supervisor said so in `error.data.delivered`.
    func claimed(_ number: Int, _ delivered: JSONValue) {
        guard delivered.stringValue ?? "\(delivered)" != "true", self.seen.contains(number) else { return }
        self.judge.report("deliveries", "a worker read request \(number), but its client was told delivered: \(delivered)")
    }
}
