CREATE DATABASE IF NOT EXISTS crypto_prices CHARACTER SET utf8mb4;
CREATE DATABASE IF NOT EXISTS crypto_transactions CHARACTER SET utf8mb4;
GRANT ALL ON crypto_prices.* TO 'trading'@'%';
GRANT ALL ON crypto_transactions.* TO 'trading'@'%';
