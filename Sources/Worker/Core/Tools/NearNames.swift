import Base

/// Finds names that somebody may have meant.
public enum NearNames {
    /// Longest name that is compared. Longer ones are cut: the cost of one comparison is the square of this.
    private static let bytesMax = 64

    /// At most `max` of `names`, the nearest to `name` first. When nothing is near, the first `max` as they stand.
    public static func find(_ name: [UInt8], among names: [[UInt8]], max: Int = 8) -> [[UInt8]] {
        let asked = Self.folded(name)
        var ranked: [(distance: Int, index: Int)] = []
        for (index, candidate) in names.prefix(2_000).enumerated() {  // Bound: names times bytesMax squared.
            let folded = Self.folded(candidate)
            let isPart = asked.count >= 3 && (Self.contains(folded, asked) || folded.count >= 3 && Self.contains(asked, folded))
            let distance = isPart ? 1 : Self.distance(asked, folded)
            if distance <= Swift.max(1, asked.count / 3) { ranked.append((distance, index)) }
        }
        guard !ranked.isEmpty else { return Array(names.prefix(max)) }
        ranked.sort { ($0.distance, $0.index) < ($1.distance, $1.index) }
        return ranked.prefix(max).map { names[$0.index] }
    }

    private static func folded(_ name: [UInt8]) -> [UInt8] { name.prefix(self.bytesMax).map { ASCII.lowercased($0) } }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard part.count <= text.count else { return false }
        for start in 0...(text.count - part.count) where text[start..<(start + part.count)].elementsEqual(part) { return true }
        return false
    }

    /// The number of insertions, removals and replacements between two texts (Levenshtein), with one row of the table.
    static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var row = Array(0...second.count)
        for (line, byte) in first.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in second.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[second.count]
    }
}
