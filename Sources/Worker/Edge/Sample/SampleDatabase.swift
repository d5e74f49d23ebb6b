import Base
import Linux

/// The database that a first start serves: a small shop with two years of orders. The same bytes of data every time.
enum SampleDatabase {
    enum Failure: Error {
        case engine(code: Int32)
        case file(SystemError)
    }

    private static let seed: UInt64 = 20_240_101
    private static let customers = 500
    private static let products = 120
    private static let orders = 3_000

    /// Writes it beside `path` and renames it there, so nobody ever opens half of it. Replaces what was at `path`.
    static func write(to path: [UInt8]) throws(Failure) {
        let target = String(decoding: path, as: UTF8.self)
        let temporary = "\(target).\(Processes.current).new"
        try? Files.remove(temporary)  // Expected: it is there only after a crash.
        do throws(SQLiteError) {
            try self.fill(SQLiteConnection(creating: Array(temporary.utf8)))
        } catch {
            try? Files.remove(temporary)
            throw .engine(code: error.code)
        }
        do throws(SystemError) {
            try Files.rename(temporary, target)
        } catch {
            try? Files.remove(temporary)
            throw .file(error)
        }
    }

    private static func fill(_ connection: SQLiteConnection) throws(SQLiteError) {
        // The rename makes it visible only when it is whole; until then no journal is needed.
        try connection.run("PRAGMA journal_mode=OFF")
        try connection.run("PRAGMA synchronous=NORMAL")
        try connection.run("BEGIN")
        for statement in SampleSchema.tables { try connection.run(statement) }
        var random = PRNG(seed: self.seed)
        try self.insertCategories(connection)
        try self.insertCustomers(connection, &random)
        let prices = try self.insertProducts(connection, &random)
        try self.insertOrders(connection, &random, prices)
        for statement in SampleSchema.indexesAndViews { try connection.run(statement) }
        try connection.run("COMMIT")
        try connection.run("PRAGMA optimize")
    }

    private static func insert(
        _ statement: SQLiteStatement, _ bind: (SQLiteStatement) -> Void
    ) throws(SQLiteError) {
        bind(statement)
        guard try statement.step() == .done else { return }
        statement.reset()
    }

    private static func insertCategories(_ connection: SQLiteConnection) throws(SQLiteError) {
        let statement = try connection.prepareOwn([UInt8]("INSERT INTO categories VALUES (?1, ?2)"))
        for (index, category) in SampleNames.categories.enumerated() {
            try self.insert(statement) {
                $0.bind(Int64(index + 1), at: 1)
                $0.bind([UInt8](category.name), at: 2)
            }
        }
    }

    private static func insertCustomers(_ connection: SQLiteConnection, _ random: inout PRNG) throws(SQLiteError) {
        let statement = try connection.prepareOwn([UInt8]("INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))
        for id in 1...self.customers {
            let first = SampleNames.first[random.below(SampleNames.first.count)]
            let last = SampleNames.last[random.below(SampleNames.last.count)]
            let place = SampleNames.places[random.below(SampleNames.places.count)]
            let since = self.date(day: random.below(365), of: 2023)
            try self.insert(statement) {
                $0.bind(Int64(id), at: 1)
                $0.bind(Array("\(first) \(last)".utf8), at: 2)
                $0.bind(Array("\(self.address(first)).\(self.address(last))\(id)@example.com".utf8), at: 3)
                $0.bind([UInt8](place.city), at: 4)
                $0.bind([UInt8](place.country), at: 5)
                $0.bind(since, at: 6)
            }
        }
    }

    /// Letters that a mail address may hold without quoting.
    private static func address(_ name: StaticString) -> String {
        let letters = [UInt8](name).map { ASCII.lowercased($0) }.filter { (0x61...0x7A).contains($0) }
        return String(decoding: letters, as: UTF8.self)
    }

    /// Returns the price of each product in cents.
    private static func insertProducts(_ connection: SQLiteConnection, _ random: inout PRNG) throws(SQLiteError) -> [Int] {
        let statement = try connection.prepareOwn([UInt8]("INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6)"))
        var prices: [Int] = []
        for id in 1...self.products {
            let categoryIndex = (id - 1) % SampleNames.categories.count
            let category = SampleNames.categories[categoryIndex]
            let adjective = SampleNames.adjectives[((id - 1) / SampleNames.categories.count) % SampleNames.adjectives.count]
            let noun = category.nouns[((id - 1) / SampleNames.categories.count) % category.nouns.count]
            let price = category.priceMin + random.below(category.priceMax - category.priceMin)
            let cents = price / 100 * 100 + 99
            prices.append(cents)
            let stock = random.chance(1, in: 12) ? random.below(5) : 10 + random.below(400)
            try self.insert(statement) {
                $0.bind(Int64(id), at: 1)
                $0.bind(Array("\(adjective) \(noun)".utf8), at: 2)
                $0.bind(Int64(categoryIndex + 1), at: 3)
                $0.bind(Double(cents) / 100, at: 4)
                $0.bind(Int64(stock), at: 5)
                $0.bind(Int64(random.chance(1, in: 20) ? 0 : 1), at: 6)
            }
        }
        return prices
    }

    private static func insertOrders(
        _ connection: SQLiteConnection, _ random: inout PRNG, _ prices: [Int]
    ) throws(SQLiteError) {
        let order = try connection.prepareOwn([UInt8]("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)"))
        let item = try connection.prepareOwn([UInt8]("INSERT INTO order_items VALUES (?1, ?2, ?3, ?4)"))
        for id in 1...self.orders {
            // Orders come in the order of their dates, over the 731 days of 2024 and 2025.
            let day = (id - 1) * 731 / self.orders
            let date = day < 366 ? self.date(day: day, of: 2024) : self.date(day: day - 366, of: 2025)
            let customer = min(random.below(self.customers), random.below(self.customers)) + 1
            let status = self.status(id, &random)
            let shipped = status.span.equals("shipped") || status.span.equals("delivered")
            try self.insert(order) {
                $0.bind(Int64(id), at: 1)
                $0.bind(Int64(customer), at: 2)
                $0.bind(date, at: 3)
                $0.bind(status, at: 4)
                if shipped { $0.bind(date, at: 5) }
            }
            var used: Set<Int> = []
            for _ in 0..<(1 + random.below(5)) {
                let product = min(random.below(self.products), random.below(self.products))
                let quantity = 1 + random.below(random.chance(1, in: 10) ? 9 : 3)
                guard used.insert(product).inserted else { continue }
                try self.insert(item) {
                    $0.bind(Int64(id), at: 1)
                    $0.bind(Int64(product + 1), at: 2)
                    $0.bind(Int64(quantity), at: 3)
                    $0.bind(Double(prices[product]) / 100, at: 4)
                }
            }
        }
    }

    /// Old orders are done, one in twenty-five is cancelled; the latest are still on their way.
    private static func status(_ id: Int, _ random: inout PRNG) -> [UInt8] {
        if random.chance(1, in: 25) { return [UInt8]("cancelled") }
        let age = self.orders - id
        if age < 40 { return [UInt8]("pending") }
        if age < 90 { return [UInt8]("paid") }
        if age < 160 { return [UInt8]("shipped") }
        return [UInt8]("delivered")
    }

    /// `YYYY-MM-DD` of a day of a year, 0 first.
    private static func date(day: Int, of year: Int) -> [UInt8] {
        var rest = day
        var month = 1
        let lengths = [31, year % 4 == 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        for length in lengths {
            if rest < length { break }
            rest -= length
            month += 1
        }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return Array("\(year)-\(two(month))-\(two(rest + 1))".utf8)
    }
}
