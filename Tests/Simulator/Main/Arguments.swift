import Simulation

/// The command line of `mcp-sim`.
struct Arguments {
    static let usage = """
        mcp-sim runs the supervisor's core against simulated clients, workers, sockets and time. One seed decides everything.

          mcp-sim --seed N [--verbose]            one seed; --verbose prints every transition
          mcp-sim --seeds COUNT [--from N] [--jobs J]
                                                  so many seeds from N on (default 1), in J processes (default 2)
          --canary NAME                           with a bug put in on purpose: \(Canary.allCases.map(\.rawValue).joined(separator: ", "))
          --commit HASH                           named in the report of a failure
        A hash of a commit is accepted as N: its first 15 hexadecimal digits are the number.
        Exit status: 0 no rule was broken, 1 one was, 64 wrong use.
        """

    struct Wrong: Error {
        let text: String
    }

    var seed: UInt64?
    var count: UInt64 = 1
    var from: UInt64 = 1
    var jobs: UInt64 = 2
    var isVerbose = false
    var canary: Canary?
    var commit: String?
    /// Set for the processes that a run of many seeds starts: every so many seeds is theirs.
    var stride: UInt64?

    init(_ words: [String]) throws(Wrong) {
        var words = words[...]
        while let option = words.popFirst() {
            switch option {
            case "--verbose": self.isVerbose = true
            case "--seed": self.seed = try Self.seed(option, words.popFirst())
            case "--from": self.from = try Self.seed(option, words.popFirst())
            case "--seeds": self.count = try Self.number(option, words.popFirst())
            case "--jobs": self.jobs = try Self.number(option, words.popFirst())
            case "--stride": self.stride = try Self.number(option, words.popFirst())
            case "--commit": self.commit = words.popFirst()
            case "--canary":
                guard let name = words.popFirst(), let canary = Canary(rawValue: name) else {
                    throw Wrong(text: "--canary needs one of \(Canary.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                self.canary = canary
            default: throw Wrong(text: "unknown option \(option)")
            }
        }
    }

    private static func number(_ option: String, _ text: String?) throws(Wrong) -> UInt64 {
        guard let text, let number = UInt64(text), number > 0 else { throw Wrong(text: "\(option) needs a number above 0") }
        return number
    }

    private static func seed(_ option: String, _ text: String?) throws(Wrong) -> UInt64 {
        guard let text else { throw Wrong(text: "\(option) needs a number") }
        if let number = UInt64(text) { return number }
        guard text.utf8.count >= 7, let number = UInt64(text.prefix(15), radix: 16) else {
            throw Wrong(text: "\(option) needs a number or the hash of a commit")
        }
        return number
    }
}
