/// What one seed came to.
public struct Report: Sendable {
    public let seed: UInt64
    /// Nil: every checker was content to the end.
    public let violation: Violation?
    /// The same for every run of the seed with the same code.
    public let hash: UInt64
    /// The last lines of the trace.
    public let lastTransitions: [String]
    public let statistics: Statistics
}

/// A rule that did not hold.
public struct Violation: Error, Equatable, Sendable {
    /// The checker that saw it.
    public let checker: String
    public let text: String
}

/// Sums over a run.
public struct Statistics: Equatable, Sendable {
    public internal(set) var turns = 0
    public internal(set) var requests = 0
    public internal(set) var answers = 0
    public internal(set) var results = 0
    public internal(set) var questions = 0
    public internal(set) var spawns = 0
    public internal(set) var crashes = 0
    public internal(set) var virtualSeconds = 0

    public init() {}

    /// In the order of the properties; what is missing is 0.
    public init(_ numbers: [Int]) {
        func number(_ index: Int) -> Int { index < numbers.count ? numbers[index] : 0 }
        (self.turns, self.requests, self.answers, self.results) = (number(0), number(1), number(2), number(3))
        (self.questions, self.spawns, self.crashes, self.virtualSeconds) = (number(4), number(5), number(6), number(7))
    }

    public mutating func add(_ other: Self) {
        self.turns += other.turns
        self.requests += other.requests
        self.answers += other.answers
        self.results += other.results
        self.questions += other.questions
        self.spawns += other.spawns
        self.crashes += other.crashes
        self.virtualSeconds += other.virtualSeconds
    }
}

/// Where checkers report. The first violation ends the run; what follows from it would only distract.
final class Judge {
    private(set) var violation: Violation?

    func report(_ checker: StaticString, _ text: @autoclosure () -> String) {
        guard self.violation == nil else { return }
        self.violation = Violation(checker: "\(checker)", text: text())
    }
}
