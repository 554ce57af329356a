‰NCF
