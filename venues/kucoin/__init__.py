"""KuCoin's spot venue (the `hf` endpoints), on kucoin-python."""
