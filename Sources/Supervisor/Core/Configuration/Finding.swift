/// One thing that is wrong, or will surprise, in what the operator wrote. All are collected and shown together.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
    public enum Severity: Hashable, Sendable {
        /// The supervisor does not start (exit 78).
        case error
        case warning
    }

    public let severity: Severity
    /// The key with all keys above it (`mcpServers.git.limits.memory`), the option (`--port`), or the variable.
    public let path: String
    public let reason: String

    public init(_ severity: Severity, _ path: String, _ reason: String) {
        self.severity = severity
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(self.path): \(self.reason)" }
}

/// Collects findings; of each severity at most `findingsMax`, the rest is only counted.
struct Findings {
    // Bound: a file of one error per byte does not become a list of millions.
    static let findingsMax = 100

    private var errors: [Finding] = []
    private var warnings: [Finding] = []
    private var dropped = 0

    var hasErrors: Bool { !self.errors.isEmpty }

    mutating func error(_ path: String, _ reason: String) {
        guard self.errors.count < Self.findingsMax else {
            self.dropped += 1
            return
        }
        self.errors.append(Finding(.error, path, reason))
    }

    mutating func warning(_ path: String, _ reason: String) {
        guard self.warnings.count < Self.findingsMax else {
            self.dropped += 1
            return
        }
        self.warnings.append(Finding(.warning, path, reason))
    }

    /// Errors first, each kind in the order found.
    var list: [Finding] {
        let rest = self.dropped > 0 ? [Finding(.warning, "configuration", "\(self.dropped) more findings are not shown")] : []
        return self.errors + self.warnings + rest
    }
}

/// The nearest of `candidates` to a mistyped `word`, if it is near enough to be meant.
enum Suggestion {
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let folded = word.lowercased()
        var best: (distance: Int, candidate: String)?
        for candidate in candidates {
            let distance = Self.distance([UInt8](folded.utf8), [UInt8](candidate.lowercased().utf8))
            guard distance <= Swift.max(1, candidate.utf8.count / 3), distance < best?.distance ?? Int.max else { continue }
            best = (distance, candidate)
        }
        return best?.candidate
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = [Int](0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = Swift.min(last[column + 1] + 1, current[column] + 1, last[column] + (byte == other ? 0 : 1))
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    cost = Swift.min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
